package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"io/ioutil"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// remote is another server: where it is and how to talk to it.
type remote struct {
	address  string
	username string
	password string
	client   *http.Client
}

// places are addresses (host:port) that stand for others: tests have no cluster DNS.
var places = parsePlaces(setting("TKE_COMPONENT_PLACES", ""))

func parsePlaces(text string) map[string]string {
	found := map[string]string{}
	for _, entry := range strings.Fields(text) {
		if parts := strings.SplitN(entry, "=", 2); len(parts) == 2 {
			found[parts[0]] = parts[1]
		}
	}
	return found
}

func newTransport(security *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Transport{
		TLSClientConfig: security, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if place, ok := places[address]; ok {
				address = place
			}
			return dialer.DialContext(ctx, network, address)
		},
	}
}

func newRemote(address string, security *tls.Config) *remote {
	transport := newTransport(security)
	return &remote{
		address: strings.TrimRight(address, "/"),
		client:  &http.Client{Transport: transport, Timeout: 10 * time.Second},
	}
}

// kubeconfig reads the file that a client uses. With a login its certificate must be one that the CA vouches for.
func (c *checker) kubeconfig(path string, login bool) *remote {
	doc := c.readDocument(path, "v1", "Config")
	if doc == nil {
		return newRemote("", nil)
	}
	current := c.required(doc, "current-context", path)
	context := named(doc.list("contexts"), current)
	cluster := named(doc.list("clusters"), context.text("context.cluster"))
	if context == nil || cluster == nil {
		c.fault("%s: the current context %q leads to no cluster", path, current)
		return newRemote("", nil)
	}
	server := c.required(cluster, "cluster.server", path)
	security := &tls.Config{}
	if insecure, _ := cluster.get("cluster.insecure-skip-tls-verify").(bool); insecure {
		security.InsecureSkipVerify = true
	} else if ca := c.required(cluster, "cluster.certificate-authority", path); ca != "" {
		security.RootCAs = c.pool(c.read(ca, path), ca)
	}
	user := named(doc.list("users"), context.text("context.user"))
	if login && user == nil {
		c.fault("%s: the current context %q leads to no user", path, current)
	}
	if certificate := user.text("user.client-certificate"); certificate != "" {
		key := c.required(user, "user.client-key", path)
		pair := c.pair(c.read(certificate, path), c.read(key, path), path)
		security.Certificates = []tls.Certificate{pair}
		if security.RootCAs != nil {
			c.chains(pair, security.RootCAs, x509.ExtKeyUsageClientAuth, path)
		}
	} else if login {
		c.fault("%s: the user has no client-certificate", path)
	}
	c.address(server, path)
	return newRemote(server, security)
}

func named(list []document, name string) document {
	for _, entry := range list {
		if name != "" && entry.text("name") == name {
			return entry
		}
	}
	return nil
}

// peers are the [client.<x>] sections that must be there.
func (c *checker) peers(names ...string) []*remote {
	var found []*remote
	for _, name := range names {
		section := "client." + name
		server := c.text(section + ".api_server")
		path := c.text(section + ".api_server_client_config")
		if server == "" || path == "" {
			continue
		}
		peer := c.kubeconfig(path, true)
		if host := c.address(server, section).Hostname(); !strings.Contains(host, name) && net.ParseIP(host) == nil {
			c.fault("%s.api_server: %s is not the server of %s", section, server, name)
		}
		if peer.address != "" && peer.address != strings.TrimRight(server, "/") {
			c.fault("%s.api_server is %s, but %s names %s", section, server, path, peer.address)
		}
		found = append(found, peer)
	}
	return found
}

// maybe adds the names whose section is there.
func (c *checker) maybe(names ...string) []string {
	var found []string
	for _, name := range names {
		if c.has("client." + name) {
			found = append(found, name)
		}
	}
	return found
}

// healthy waits for the servers' /healthz.
func healthy(peers []*remote) error {
	for _, peer := range peers {
		err := eventually(peer.address+"/healthz", func() error {
			_, err := peer.do(http.MethodGet, "/healthz", nil)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// do sends a request with JSON (or nothing) and gives the answer's body; any status but 2xx is an error.
func (r *remote) do(method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequest(method, r.address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if r.username != "" {
		request.SetBasicAuth(r.username, r.password)
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := ioutil.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: HTTP %d: %.200s", method, path, answer.StatusCode, text)
	}
	return text, nil
}

// call posts an object and reads the answer into it.
func (r *remote) call(path string, object interface{}) error {
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	answer, err := r.do(http.MethodPost, path, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, object)
}

// resolves waits until the host of an address has one.
func resolves(address *url.URL) error {
	return eventually("look up "+address.Hostname(), func() error {
		if _, ok := places[address.Hostname()+":443"]; ok {
			return nil
		}
		_, err := net.LookupHost(address.Hostname())
		return err
	})
}
