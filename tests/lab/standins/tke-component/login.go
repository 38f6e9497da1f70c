package main

import (
	"crypto/x509"
	"encoding/csv"
	"net/http"
	"path/filepath"
	"strings"
)

// person is who asks.
type person struct {
	name   string
	groups []string
}

func (p person) in(group string) bool {
	for _, entry := range p.groups {
		if entry == group {
			return true
		}
	}
	return false
}

// login knows the three ways in: the API server's front proxy, a client certificate, a token of the file.
type login struct {
	frontProxy   *x509.CertPool
	userHeaders  []string
	groupHeaders []string
	clients      *x509.CertPool
	tokens       map[string]person
}

// login reads [authentication] and [authentication.requestheader].
func (c *checker) login() *login {
	found := &login{tokens: c.tokens()}
	if path := c.text("authentication.client_ca_file"); path != "" {
		found.clients = c.pool(c.read(path, "authentication.client_ca_file"), path)
		c.administrator(filepath.Dir(path), found.clients)
	}
	c.frontProxy(found)
	return found
}

func (c *checker) frontProxy(found *login) {
	section := "authentication.requestheader."
	path := c.text(section + "client_ca_file")
	found.frontProxy = c.pool(c.read(path, section+"client_ca_file"), path)
	found.userHeaders = c.header(section + "username_headers")
	found.groupHeaders = c.header(section + "group_headers")
	c.header(section + "extra_headers_prefix")
}

// header is a text or a list of texts: the originals accept both.
func (c *checker) header(key string) []string {
	if text, ok := c.conf.Get(key).(string); ok && text != "" {
		return strings.Split(text, ",")
	}
	return c.words(key)
}

// tokens reads the file of lines `token,user,uid,"group,group"`.
func (c *checker) tokens() map[string]person {
	key := "authentication.token_auth_file"
	found := map[string]person{}
	reader := csv.NewReader(strings.NewReader(string(c.file(key))))
	reader.FieldsPerRecord = -1
	lines, err := reader.ReadAll()
	if err != nil {
		c.fault("%s: %v", key, err)
	}
	for _, line := range lines {
		if len(line) < 3 || line[0] == "" || line[1] == "" {
			c.fault("%s: a line has not token, user and uid", key)
			continue
		}
		entry := person{name: line[1]}
		if len(line) > 3 {
			entry.groups = strings.Split(line[3], ",")
		}
		found[line[0]] = entry
	}
	if len(found) == 0 {
		c.fault("%s: it holds no token", key)
	}
	return found
}

// who asks; the second value is false when nobody vouches for the caller.
func (l *login) who(request *http.Request) (person, bool) {
	if token := strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer "); token != "" {
		if found, ok := l.tokens[token]; ok {
			return found, true
		}
	}
	if request.TLS == nil || len(request.TLS.PeerCertificates) == 0 {
		return person{}, false
	}
	leaf, others := request.TLS.PeerCertificates[0], x509.NewCertPool()
	for _, certificate := range request.TLS.PeerCertificates[1:] {
		others.AddCert(certificate)
	}
	options := x509.VerifyOptions{Intermediates: others, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if options.Roots = l.frontProxy; l.frontProxy != nil {
		if _, err := leaf.Verify(options); err == nil {
			if found, ok := l.headers(request); ok {
				return found, true
			}
		}
	}
	if options.Roots = l.clients; l.clients != nil {
		if _, err := leaf.Verify(options); err == nil && leaf.Subject.CommonName != "" {
			return person{leaf.Subject.CommonName, leaf.Subject.Organization}, true
		}
	}
	return person{}, false
}

func (l *login) headers(request *http.Request) (person, bool) {
	var found person
	for _, name := range l.userHeaders {
		if found.name == "" {
			found.name = request.Header.Get(name)
		}
	}
	for _, name := range l.groupHeaders {
		found.groups = append(found.groups, request.Header.Values(name)...)
	}
	return found, found.name != ""
}
