package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/miekg/dns"
)

type corefile struct {
	zone      string
	upstreams []string
	health    string
	ready     string
}

// readCorefile understands the layout kubeadm writes: one server block, one plugin per line.
func readCorefile(path string) (corefile, error) {
	conf := corefile{health: ":8080", ready: ":8181"}
	file, err := os.Open(path)
	if err != nil {
		return conf, err
	}
	defer file.Close()
	depth := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(strings.SplitN(lines.Text(), "#", 2)[0])
		if depth == 1 && len(words) > 0 {
			if err := conf.plugin(words); err != nil {
				return conf, fmt.Errorf("%s: %v", path, err)
			}
		}
		depth += strings.Count(lines.Text(), "{") - strings.Count(lines.Text(), "}")
	}
	if conf.zone == "" {
		return conf, fmt.Errorf("%s: no plugin kubernetes with a zone", path)
	}
	return conf, nil
}

func (c *corefile) plugin(words []string) error {
	arguments := []string{}
	for _, word := range words[1:] {
		if word != "{" {
			arguments = append(arguments, word)
		}
	}
	switch words[0] {
	case "kubernetes":
		if len(arguments) > 0 {
			c.zone = strings.ToLower(dns.Fqdn(arguments[0]))
		}
	case "health":
		if len(arguments) > 0 {
			c.health = arguments[0]
		}
	case "ready":
		if len(arguments) > 0 {
			c.ready = arguments[0]
		}
	case "forward":
		for _, target := range arguments[min(1, len(arguments)):] {
			servers, err := upstreams(target)
			if err != nil {
				return err
			}
			c.upstreams = append(c.upstreams, servers...)
		}
	}
	return nil
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// upstreams are the servers of one forward target: an address, or a file in the format of resolv.conf. A loopback
// address is left out: inside the pod it is this server itself, which would ask itself for ever.
func upstreams(target string) ([]string, error) {
	servers, port := []string{strings.TrimPrefix(target, "dns://")}, "53"
	if strings.HasPrefix(target, "/") {
		resolver, err := dns.ClientConfigFromFile(target)
		if err != nil {
			return nil, err
		}
		servers, port = resolver.Servers, resolver.Port
	}
	found := []string{}
	for _, server := range servers {
		host, own, err := net.SplitHostPort(server)
		if err != nil {
			host, own = server, port
		}
		if address := net.ParseIP(host); address != nil && !address.IsLoopback() {
			found = append(found, net.JoinHostPort(host, own))
		}
	}
	return found, nil
}
