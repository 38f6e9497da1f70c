package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/ioutil"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
)

const (
	registryProgram = "/usr/bin/docker-registry"
	tokenService    = "token-service"
	tokenIssuer     = "tke-registry-api"
	tokenPath       = "/registry/auth"
	tokenLife       = 10 * time.Minute
)

// images is the registry inside tke-registry-api: Debian's docker-registry as a child, and the tokens it asks for.
type images struct {
	home        string
	listen      string
	certificate string
	key         *rsa.PrivateKey
	username    string
	password    string
	secret      string
}

// prepareRegistry is tke-registry-api: an API, and a registry of images behind /v2/.
func prepareRegistry(c *checker, part component) *server {
	served, objects := newAPI(c, part)
	path := c.text("registry_config")
	doc := c.document("registry_config", "registry.config.tkestack.io/v1", "RegistryConfiguration")
	found := &images{
		home:        c.required(doc, "storage.fileSystem.rootDirectory", path),
		certificate: c.required(doc, "security.tokenPublicKeyFile", path),
		username:    c.required(doc, "security.adminUsername", path),
		password:    c.required(doc, "security.adminPassword", path),
		secret:      c.required(doc, "security.httpSecret", path),
	}
	c.required(doc, "defaultTenant", path)
	c.required(doc, "domainSuffix", path)
	c.keyPair(found, c.required(doc, "security.tokenPrivateKeyFile", path))
	if err := ioutil.WriteFile(filepath.Join(found.home, ".writable"), nil, 0o600); err != nil {
		c.fault("storage: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.fault("registry: %v", err)
		return served
	}
	found.listen = listener.Addr().String()
	listener.Close()
	c.after(found.start)
	behind := &url.URL{Scheme: "http", Host: found.listen}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	proxy.ModifyResponse = pointHere
	mux := http.NewServeMux()
	mux.Handle("/", objects)
	mux.Handle("/v2/", proxy)
	mux.HandleFunc(tokenPath, found.token)
	served.handler = mux
	return served
}

// keyPair checks that the key signs what the certificate's owner signs.
func (c *checker) keyPair(found *images, path string) {
	if path == "" || found.certificate == "" {
		return
	}
	certificate, err := firstCertificate(c.read(found.certificate, "tokenPublicKeyFile"))
	if err != nil {
		c.fault("tokenPublicKeyFile %s: %v", found.certificate, err)
		return
	}
	block, _ := pem.Decode(c.read(path, "tokenPrivateKeyFile"))
	if block == nil {
		c.fault("tokenPrivateKeyFile %s: it is no key in PEM form", path)
		return
	}
	if found.key, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
		parsed, other := x509.ParsePKCS8PrivateKey(block.Bytes)
		key, ok := parsed.(*rsa.PrivateKey)
		if other != nil || !ok {
			c.fault("tokenPrivateKeyFile %s: it is no RSA key: %v", path, err)
			return
		}
		found.key = key
	}
	if public, ok := certificate.PublicKey.(*rsa.PublicKey); !ok || !public.Equal(&found.key.PublicKey) {
		c.fault("%s and %s are no pair", found.certificate, path)
	}
}

const registryConfig = `version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %q}
  cache: {blobdescriptor: inmemory}
  delete: {enabled: true}
http: {addr: %q, secret: %q, relativeurls: true}
auth:
  token: {realm: %q, service: %q, issuer: %q, rootcertbundle: %q}
`

// start runs the registry as a child that ends with its parent, and its parent with it.
func (i *images) start() error {
	realm := "http://" + i.listen + tokenPath
	text := fmt.Sprintf(registryConfig, i.home, i.listen, i.secret, realm, tokenService, tokenIssuer, i.certificate)
	directory, err := ioutil.TempDir("", "registry")
	if err != nil {
		return err
	}
	path := filepath.Join(directory, "config.yml")
	if err := ioutil.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	child := exec.Command(setting("TKE_COMPONENT_REGISTRY", registryProgram), "serve", path)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.Env = []string{"OTEL_TRACES_EXPORTER=none"}
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := child.Start(); err != nil {
		return err
	}
	go func() {
		log.Fatalf("fatal: docker-registry ended: %v", child.Wait())
	}()
	return eventually("docker-registry", func() error {
		answer, err := http.Get("http://" + i.listen + "/")
		if err == nil {
			answer.Body.Close()
		}
		return err
	})
}

// pointHere sends a client for its token to where it came from, whatever name and scheme that was.
func pointHere(answer *http.Response) error {
	challenge := answer.Header.Get("WWW-Authenticate")
	if start := strings.Index(challenge, `realm="`); start >= 0 {
		rest := challenge[start+len(`realm="`):]
		scheme := answer.Request.Header.Get("X-Forwarded-Proto")
		if scheme == "" {
			scheme = "https"
		}
		realm := fmt.Sprintf(`realm="%s://%s%s`, scheme, answer.Request.Host, tokenPath)
		answer.Header.Set("WWW-Authenticate", challenge[:start]+realm+rest[strings.Index(rest, `"`):])
	}
	return nil
}

// token gives everybody the right to pull, and the administrator every right that is asked for.
func (i *images) token(writer http.ResponseWriter, request *http.Request) {
	username, password, given := request.BasicAuth()
	administrator := username == i.username && subtle.ConstantTimeCompare([]byte(password), []byte(i.password)) == 1
	if given && !administrator {
		writer.Header().Set("WWW-Authenticate", `Basic realm="tke-registry-api"`)
		http.Error(writer, "wrong user name or password", http.StatusUnauthorized)
		return
	}
	access := []map[string]interface{}{}
	for _, scope := range strings.Fields(strings.Join(request.URL.Query()["scope"], " ")) {
		first, last := strings.Index(scope, ":"), strings.LastIndex(scope, ":")
		if first < 0 || first == last {
			http.Error(writer, "scope", http.StatusBadRequest)
			return
		}
		actions := []string{}
		for _, action := range strings.Split(scope[last+1:], ",") {
			if administrator || action == "pull" && scope[:first] == "repository" {
				actions = append(actions, action)
			}
		}
		access = append(access, map[string]interface{}{
			"type": scope[:first], "name": scope[first+1 : last], "actions": actions,
		})
	}
	text, err := i.sign(username, access)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	write(writer, http.StatusOK, map[string]interface{}{
		"token": text, "access_token": text, "expires_in": int(tokenLife.Seconds()),
		"issued_at": time.Now().UTC().Format(time.RFC3339),
	})
}

func (i *images) sign(subject string, access interface{}) (string, error) {
	identifier, err := keyIdentifier(&i.key.PublicKey)
	if err != nil {
		return "", err
	}
	now := time.Now()
	var parts []string
	for _, part := range []map[string]interface{}{
		{"typ": "JWT", "alg": "RS256", "kid": identifier},
		{
			"iss": tokenIssuer, "sub": subject, "aud": tokenService, "jti": uuid.New().String(), "access": access,
			"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(tokenLife).Unix(),
		},
	} {
		text, err := json.Marshal(part)
		if err != nil {
			return "", err
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	digest := sha256.Sum256([]byte(strings.Join(parts, ".")))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return strings.Join(append(parts, base64.RawURLEncoding.EncodeToString(signature)), "."), nil
}

// keyIdentifier is how docker-registry calls a key: 30 bytes of its digest in base32, in groups of four.
func keyIdentifier(key *rsa.PublicKey) (string, error) {
	text, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(text)
	name := base32.StdEncoding.EncodeToString(digest[:30])
	var out bytes.Buffer
	for at := 0; at < len(name); at += 4 {
		if at > 0 {
			out.WriteByte(':')
		}
		out.WriteString(name[at : at+4])
	}
	return out.String(), nil
}
