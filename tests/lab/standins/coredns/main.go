// coredns stands in for CoreDNS (image coredns:1.7.0) as kubeadm's addon runs it.
//
// From the Corefile it takes the zone of "kubernetes", the target of "forward" and the addresses of "health" and
// "ready"; other plugins are passed over. It answers for the cluster's zone from the Kubernetes API (services,
// headless services with their endpoints, named ports, external names, pods by address) and sends every other
// question to the servers of the forward target. There is no cache and no reverse lookup.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const (
	forwardTimeout = 2 * time.Second
	lameDuck       = 5 * time.Second
)

func main() {
	path := flag.String("conf", "Corefile", "configuration file")
	address := flag.String("listen", ":53", "address to answer DNS questions on")
	flag.Parse()
	log.SetFlags(log.LstdFlags | log.LUTC)
	if err := run(*path, *address); err != nil {
		log.Fatal(err)
	}
}

func run(path, address string) error {
	conf, err := readCorefile(path)
	if err != nil {
		return err
	}
	settings, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(settings)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	factory := informers.NewSharedInformerFactory(client, 0)
	services, endpoints := factory.Core().V1().Services(), factory.Core().V1().Endpoints()
	synced := []cache.InformerSynced{services.Informer().HasSynced, endpoints.Informer().HasSynced}
	zone := &zone{origin: conf.zone, services: services.Lister(), endpoints: endpoints.Lister()}
	factory.Start(stop)

	failed := make(chan error, 4)
	serveHealth(conf, synced, failed)
	handler := dns.HandlerFunc(func(writer dns.ResponseWriter, question *dns.Msg) {
		answer(writer, question, zone, conf.upstreams)
	})
	for _, transport := range []string{"udp", "tcp"} {
		server := &dns.Server{Addr: address, Net: transport, Handler: handler}
		go func() { failed <- server.ListenAndServe() }()
	}
	log.Printf("coredns stand-in on %s: zone %s, everything else from %v", address, conf.zone, conf.upstreams)

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	select {
	case err := <-failed:
		return err
	case received := <-signals:
		// Questions keep coming until every kube-proxy has taken this pod out of its rules.
		log.Printf("%v: leaving in %v", received, lameDuck)
		time.Sleep(lameDuck)
	}
	close(stop)
	return nil
}

func serveHealth(conf corefile, synced []cache.InformerSynced, failed chan<- error) {
	health := http.NewServeMux()
	health.HandleFunc("/health", func(writer http.ResponseWriter, _ *http.Request) { fmt.Fprint(writer, "OK") })
	ready := http.NewServeMux()
	ready.HandleFunc("/ready", func(writer http.ResponseWriter, _ *http.Request) {
		for _, done := range synced {
			if !done() {
				http.Error(writer, "kubernetes", http.StatusServiceUnavailable)
				return
			}
		}
		fmt.Fprint(writer, "OK")
	})
	for address, mux := range map[string]*http.ServeMux{conf.health: health, conf.ready: ready} {
		address, mux := address, mux
		go func() { failed <- http.ListenAndServe(address, mux) }()
	}
}

func answer(writer dns.ResponseWriter, question *dns.Msg, zone *zone, upstreams []string) {
	if len(question.Question) != 1 {
		refuse(writer, question, dns.RcodeFormatError)
		return
	}
	if !dns.IsSubDomain(zone.origin, question.Question[0].Name) {
		forward(writer, question, upstreams)
		return
	}
	reply := zone.reply(question)
	for _, record := range reply.Answer {
		if alias, ok := record.(*dns.CNAME); ok && question.Question[0].Qtype != dns.TypeCNAME {
			reply.Answer = append(reply.Answer, resolve(alias.Target, question.Question[0].Qtype, upstreams)...)
			break
		}
	}
	if _, udp := writer.RemoteAddr().(*net.UDPAddr); udp {
		size := dns.MinMsgSize
		if extension := question.IsEdns0(); extension != nil {
			size = int(extension.UDPSize())
		}
		if reply.Len() > size {
			// The asker comes back over TCP.
			reply.Truncated, reply.Answer = true, nil
		}
	}
	writer.WriteMsg(reply)
}

func forward(writer dns.ResponseWriter, question *dns.Msg, upstreams []string) {
	_, tcp := writer.RemoteAddr().(*net.TCPAddr)
	reply := exchange(question, upstreams, tcp)
	if reply == nil {
		refuse(writer, question, dns.RcodeServerFailure)
		return
	}
	writer.WriteMsg(reply)
}

func resolve(name string, kind uint16, upstreams []string) []dns.RR {
	question := new(dns.Msg)
	question.SetQuestion(name, kind)
	if reply := exchange(question, upstreams, false); reply != nil {
		return reply.Answer
	}
	return nil
}

// exchange asks one server after the other; nil when none answers.
func exchange(question *dns.Msg, upstreams []string, tcp bool) *dns.Msg {
	client := &dns.Client{Timeout: forwardTimeout}
	if tcp {
		client.Net = "tcp"
	}
	for _, upstream := range upstreams {
		reply, _, err := client.Exchange(question, upstream)
		if err == nil {
			return reply
		}
		log.Printf("%s: %v", upstream, err)
	}
	return nil
}

func refuse(writer dns.ResponseWriter, question *dns.Msg, code int) {
	reply := new(dns.Msg)
	reply.SetRcode(question, code)
	writer.WriteMsg(reply)
}
