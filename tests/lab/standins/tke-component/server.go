package main

import (
	"crypto/tls"
	"fmt"
	"io/ioutil"
	"log"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// server is what is left when the configuration was read: one handler behind HTTPS, and behind HTTP for the gateway.
type server struct {
	port        int
	plainPort   int
	certificate tls.Certificate
	handler     http.Handler
}

func (s *server) serve() error {
	quiet := log.New(ioutil.Discard, "", 0) // every refused handshake would be a line
	ended := make(chan error, 2)
	if s.plainPort != 0 {
		plain := &http.Server{Addr: address(s.plainPort), Handler: s, ReadHeaderTimeout: time.Minute, ErrorLog: quiet}
		go func() { ended <- plain.ListenAndServe() }()
	}
	secure := &http.Server{
		Addr: address(s.port), Handler: s, ReadHeaderTimeout: time.Minute, ErrorLog: quiet,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{s.certificate},
			// Whose certificate it is decides the handler: there are two CAs, and tokens.
			ClientAuth: tls.RequestClientCert,
			MinVersion: tls.VersionTLS12,
		},
	}
	go func() { ended <- secure.ListenAndServeTLS("", "") }()
	log.Printf("serves on %s", secure.Addr)
	return <-ended
}

func (s *server) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if request.URL.Path == "/healthz" || strings.HasPrefix(request.URL.Path, "/healthz/") {
		fmt.Fprint(writer, "ok")
		return
	}
	s.handler.ServeHTTP(writer, request)
}

func address(port int) string {
	return ":" + strconv.Itoa(port)
}

func (c *checker) port(otherwise int) int {
	if c.has("secure_serving.port") {
		return c.number("secure_serving.port")
	}
	return otherwise
}

// prepareController is a component that only works on others' objects: nothing but /healthz is served.
func prepareController(c *checker, part component) *server {
	certificate := c.serving("localhost")
	part.check(c)
	return &server{port: c.port(part.port), certificate: certificate, handler: http.NotFoundHandler()}
}

// prepareAPI is an API of the platform with its objects in etcd.
func prepareAPI(c *checker, part component) *server {
	served, _ := newAPI(c, part)
	return served
}

// newAPI checks what all APIs have in common and builds the server of one.
func newAPI(c *checker, part component) (*server, *api) {
	certificate := c.serving(c.name, c.name+".tke.svc")
	c.equal("generic.external_hostname", c.name)
	if port := c.number("generic.external_port"); port != 443 {
		c.fault("%s: generic.external_port is %d, not that of the service", c.opts.config, port)
	}
	served := &api{group: part.group, kinds: part.kinds, login: c.login(), rights: c.rights(), audit: c.audit()}
	if c.name != authServer {
		c.identityProvider()
	}
	c.etcd(func(found *store) { served.store = found })
	part.check(c)
	return &server{port: c.port(part.port), certificate: certificate, handler: served}, served
}
