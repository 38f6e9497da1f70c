package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path/filepath"
)

// serving is the certificate that [secure_serving] names: it belongs to its key, and, when names are given, chains to
// the platform's CA beside it and covers them.
func (c *checker) serving(hosts ...string) tls.Certificate {
	pair := c.pair(c.file("secure_serving.tls_cert_file"), c.file("secure_serving.tls_private_key_file"), "[secure_serving]")
	if len(pair.Certificate) == 0 || len(hosts) == 0 {
		return pair
	}
	ca := filepath.Join(filepath.Dir(c.text("secure_serving.tls_cert_file")), "ca.crt")
	c.chains(pair, c.pool(c.read(ca, "CA"), ca), x509.ExtKeyUsageServerAuth, "server certificate", hosts...)
	return pair
}

// covers checks the names of a certificate that some other CA may have signed.
func (c *checker) covers(pair tls.Certificate, hosts []string) {
	if len(pair.Certificate) == 0 {
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		c.fault("server certificate: %v", err)
		return
	}
	for _, host := range hosts {
		if err := leaf.VerifyHostname(host); err != nil {
			c.fault("server certificate %s: %v", leaf.Subject, err)
		}
	}
}

func (c *checker) pair(certificate, key []byte, what string) tls.Certificate {
	if certificate == nil || key == nil {
		return tls.Certificate{}
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		c.fault("%s: %v", what, err)
	}
	return pair
}

func (c *checker) pool(text []byte, what string) *x509.CertPool {
	pool := x509.NewCertPool()
	if text != nil && !pool.AppendCertsFromPEM(text) {
		c.fault("%s holds no certificate", what)
	}
	return pool
}

// chains checks that a certificate is signed by one of the pool, is made for the use and covers every host.
func (c *checker) chains(pair tls.Certificate, pool *x509.CertPool, use x509.ExtKeyUsage, what string, hosts ...string) {
	if len(pair.Certificate) == 0 {
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		c.fault("%s: %v", what, err)
		return
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{use}}); err != nil {
		c.fault("%s %s: %v", what, leaf.Subject, err)
	}
	for _, host := range hosts {
		if err := leaf.VerifyHostname(host); err != nil {
			c.fault("%s %s: %v", what, leaf.Subject, err)
		}
	}
}

// administrator checks that the administrator's certificate beside the CA is one that the CA vouches for.
func (c *checker) administrator(directory string, pool *x509.CertPool) {
	certificate, key := filepath.Join(directory, "admin.crt"), filepath.Join(directory, "admin.key")
	pair := c.pair(c.read(certificate, "admin"), c.read(key, "admin"), certificate)
	c.chains(pair, pool, x509.ExtKeyUsageClientAuth, "client certificate")
}

func firstCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("it is no certificate in PEM form")
	}
	return x509.ParseCertificate(block.Bytes)
}
