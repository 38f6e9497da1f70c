package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// routed are the parts of the platform that the gateway leads to, by the name in its configuration.
var routed = []string{"platform", "auth", "business", "monitor", "notify", "registry", "logagent", "audit"}

func checkGateway(c *checker) {
	if c.number("secure_serving.port") == c.number("insecure_serving.port") {
		c.fault("%s: one port cannot serve HTTPS and HTTP", c.opts.config)
	}
	c.identityProvider()
	if c.optional("authentication.oidc.issuer_url") == "https://"+authServer+"/oidc" {
		c.text("authentication.oidc.client_secret")
	}
}

// gateway leads requests on: those for the registry's names to the registry, the others by their path.
type gateway struct {
	registry string
	proxies  map[string]*httputil.ReverseProxy
}

// prepareGateway is tke-gateway: the console (here one page) and the ways to the components.
func prepareGateway(c *checker, part component) *server {
	path := c.text("gateway_config")
	doc := c.document("gateway_config", "gateway.config.tkestack.io/v1", "GatewayConfiguration")
	found := &gateway{proxies: map[string]*httputil.ReverseProxy{}}
	var hosts []string
	if doc.get("registry") != nil {
		found.registry = c.required(doc, "registry.domainSuffix", path)
		c.required(doc, "registry.defaultTenant", path)
		hosts = []string{found.registry, "default." + found.registry}
		if doc.get("components.registry") == nil {
			c.fault("%s: registry is given, but not components.registry", path)
		}
	}
	if strings.HasPrefix(c.optional("secure_serving.tls_cert_file"), appDirectory+"/certs/") {
		hosts = append(hosts, c.name)
	}
	certificate := c.serving()
	if len(hosts) > 0 && c.optional("secure_serving.tls_cert_file") != "" {
		c.covers(certificate, hosts)
	}
	part.check(c)
	if doc.get("components.platform") == nil {
		c.fault("%s: components.platform is missing", path)
	}
	for _, name := range routed {
		if doc.get("components."+name) == nil {
			continue
		}
		where := "components." + name
		address := c.address(c.required(doc, where+".address", path), where)
		ca := c.required(doc, where+".passthrough.caFile", path)
		security := &tls.Config{RootCAs: c.pool(c.read(ca, where), ca)}
		found.proxies[name] = forward(address, security)
		c.after(func() error { return resolves(address) })
	}
	return &server{
		port: c.port(part.port), plainPort: c.number("insecure_serving.port"), certificate: certificate, handler: found,
	}
}

// forward leads to an address and keeps the host name, which the registry puts into its answers.
func forward(address *url.URL, security *tls.Config) *httputil.ReverseProxy {
	proxy := httputil.NewSingleHostReverseProxy(address)
	lead := proxy.Director
	proxy.Director = func(request *http.Request) {
		scheme := "http"
		if request.TLS != nil {
			scheme = "https"
		}
		request.Header.Set("X-Forwarded-Proto", scheme)
		// Who the caller is, only the API server's front proxy may say.
		for name := range request.Header {
			if strings.HasPrefix(name, "X-Remote-") {
				request.Header.Del(name)
			}
		}
		lead(request)
	}
	proxy.Transport = newTransport(security)
	proxy.FlushInterval = -1
	return proxy
}

func (g *gateway) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	host := request.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	name := g.route(strings.ToLower(host), request.URL.Path)
	if name == "" {
		writer.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(writer, "<!doctype html><title>TKEStack</title><h1>TKEStack</h1>")
		return
	}
	proxy, ok := g.proxies[name]
	if !ok {
		http.NotFound(writer, request)
		return
	}
	proxy.ServeHTTP(writer, request)
}

// route is the component for a request; empty for the console.
func (g *gateway) route(host, path string) string {
	if g.registry != "" && (host == g.registry || strings.HasSuffix(host, "."+g.registry)) {
		return "registry"
	}
	if strings.HasPrefix(path, "/oidc/") || strings.HasPrefix(path, "/auth/") {
		return "auth"
	}
	if rest := strings.TrimPrefix(path, "/apis/"); rest != path {
		return strings.TrimSuffix(strings.SplitN(rest, "/", 2)[0], ".tkestack.io")
	}
	return ""
}
