package main

import (
	"net"
	"strings"

	"github.com/miekg/dns"
	v1 "k8s.io/api/core/v1"
	listers "k8s.io/client-go/listers/core/v1"
)

const (
	ttl         = 30
	negativeTTL = 5
)

// zone answers for names below the cluster's domain:
//
//	<service>.<namespace>.svc            its address, or those of its pods when it is headless
//	<host>.<service>.<namespace>.svc     one pod of a headless service
//	_<port>._<protocol>.<service>...     a named port (SRV)
//	<a-b-c-d>.<namespace>.pod            the address a.b.c.d
type zone struct {
	origin    string
	services  listers.ServiceLister
	endpoints listers.EndpointsLister
}

func (z *zone) reply(question *dns.Msg) *dns.Msg {
	asked := question.Question[0]
	reply := new(dns.Msg)
	reply.SetReply(question)
	reply.Authoritative, reply.RecursionAvailable = true, true
	records, exists := z.lookup(asked.Name)
	for _, record := range records {
		kind := record.Header().Rrtype
		if kind == asked.Qtype || asked.Qtype == dns.TypeANY || kind == dns.TypeCNAME {
			reply.Answer = append(reply.Answer, record)
		}
	}
	if len(reply.Answer) == 0 {
		reply.Ns = []dns.RR{z.authority()}
	}
	if !exists {
		reply.Rcode = dns.RcodeNameError
	}
	return reply
}

func (z *zone) authority() dns.RR {
	return &dns.SOA{
		Hdr: z.header(z.origin, dns.TypeSOA, negativeTTL),
		Ns:  "ns.dns." + z.origin, Mbox: "hostmaster." + z.origin,
		Serial: 1, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: negativeTTL,
	}
}

func (z *zone) header(name string, kind uint16, seconds uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: seconds}
}

// lookup gives all records of a name, and whether there is such a name at all.
func (z *zone) lookup(name string) ([]dns.RR, bool) {
	relative := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(name), z.origin), ".")
	labels := strings.Split(relative, ".")
	last := len(labels) - 1
	switch {
	case relative == "":
		return []dns.RR{z.authority()}, true
	case labels[last] == "pod" && len(labels) == 3:
		return z.pod(name, labels[0])
	case labels[last] == "svc" && len(labels) >= 3:
		return z.service(name, labels[:last])
	case relative == "svc" || relative == "pod":
		return nil, true
	}
	return nil, false
}

func (z *zone) pod(name, dashed string) ([]dns.RR, bool) {
	address := net.ParseIP(strings.ReplaceAll(dashed, "-", "."))
	if address == nil {
		return nil, false
	}
	return z.addresses(name, address.String()), true
}

func (z *zone) service(name string, labels []string) ([]dns.RR, bool) {
	namespace, serviceName := labels[len(labels)-1], labels[len(labels)-2]
	prefix := labels[:len(labels)-2]
	service, err := z.services.Services(namespace).Get(serviceName)
	if err != nil {
		return nil, false
	}
	if service.Spec.Type == v1.ServiceTypeExternalName {
		target := dns.Fqdn(service.Spec.ExternalName)
		return []dns.RR{&dns.CNAME{Hdr: z.header(name, dns.TypeCNAME, ttl), Target: target}}, len(prefix) == 0
	}
	switch {
	case len(prefix) == 0 && service.Spec.ClusterIP == v1.ClusterIPNone:
		return z.hosts(name, service, "")
	case len(prefix) == 0:
		return z.addresses(name, service.Spec.ClusterIP), true
	case len(prefix) == 1 && service.Spec.ClusterIP == v1.ClusterIPNone:
		return z.hosts(name, service, prefix[0])
	case len(prefix) == 2 && strings.HasPrefix(prefix[0], "_") && strings.HasPrefix(prefix[1], "_"):
		return z.ports(name, service, prefix[0][1:], prefix[1][1:])
	}
	return nil, false
}

func (z *zone) addresses(name string, address string) []dns.RR {
	parsed := net.ParseIP(address)
	switch {
	case parsed == nil:
		return nil
	case parsed.To4() != nil:
		return []dns.RR{&dns.A{Hdr: z.header(name, dns.TypeA, ttl), A: parsed.To4()}}
	}
	return []dns.RR{&dns.AAAA{Hdr: z.header(name, dns.TypeAAAA, ttl), AAAA: parsed}}
}

// hosts gives the pods of a headless service, all of them or the one with that host name.
func (z *zone) hosts(name string, service *v1.Service, host string) ([]dns.RR, bool) {
	endpoints, err := z.endpoints.Endpoints(service.Namespace).Get(service.Name)
	if err != nil {
		return nil, host == ""
	}
	var records []dns.RR
	for _, subset := range endpoints.Subsets {
		addresses := subset.Addresses
		if service.Spec.PublishNotReadyAddresses {
			addresses = append(append([]v1.EndpointAddress{}, addresses...), subset.NotReadyAddresses...)
		}
		for _, address := range addresses {
			if host == "" || host == hostOf(address) {
				records = append(records, z.addresses(name, address.IP)...)
			}
		}
	}
	return records, host == "" || len(records) > 0
}

func hostOf(address v1.EndpointAddress) string {
	if address.Hostname != "" {
		return address.Hostname
	}
	return strings.ReplaceAll(address.IP, ".", "-")
}

func (z *zone) ports(name string, service *v1.Service, port, protocol string) ([]dns.RR, bool) {
	parent := service.Name + "." + service.Namespace + ".svc." + z.origin
	var records []dns.RR
	add := func(number int32, target string) {
		records = append(records, &dns.SRV{
			Hdr: z.header(name, dns.TypeSRV, ttl), Weight: 100, Port: uint16(number), Target: target,
		})
	}
	matches := func(candidate string, kind v1.Protocol) bool {
		return candidate == port && strings.EqualFold(string(kind), protocol)
	}
	if service.Spec.ClusterIP != v1.ClusterIPNone {
		for _, candidate := range service.Spec.Ports {
			if matches(candidate.Name, candidate.Protocol) {
				add(candidate.Port, parent)
			}
		}
		return records, len(records) > 0
	}
	endpoints, err := z.endpoints.Endpoints(service.Namespace).Get(service.Name)
	if err != nil {
		return nil, false
	}
	for _, subset := range endpoints.Subsets {
		for _, candidate := range subset.Ports {
			if !matches(candidate.Name, candidate.Protocol) {
				continue
			}
			for _, address := range subset.Addresses {
				add(candidate.Port, hostOf(address)+"."+parent)
			}
		}
	}
	return records, len(records) > 0
}
