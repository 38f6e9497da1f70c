// extras are other people's servers that a platform may be told to use: `extras elasticsearch` keeps documents in
// memory behind a login, `extras oidc` is an identity provider that says who it is. Settings come by environment.
package main

import (
	"bufio"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"io/ioutil"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
)

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC)
	if len(os.Args) != 2 {
		log.Fatal("usage: extras elasticsearch|oidc")
	}
	switch os.Args[1] {
	case "elasticsearch":
		log.Fatal(elasticsearch())
	case "oidc":
		log.Fatal(oidc())
	default:
		log.Fatalf("%s is not known", os.Args[1])
	}
}

func answer(writer http.ResponseWriter, code int, body interface{}) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(code)
	json.NewEncoder(writer).Encode(body)
}

// oidc describes the issuer ISSUER over HTTPS with the files of TLS_CERT and TLS_KEY.
func oidc() error {
	issuer := os.Getenv("ISSUER")
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(writer http.ResponseWriter, _ *http.Request) {
		answer(writer, http.StatusOK, map[string]interface{}{
			"issuer": issuer, "authorization_endpoint": issuer + "/auth", "token_endpoint": issuer + "/token",
			"jwks_uri": issuer + "/keys", "response_types_supported": []string{"code"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/keys", func(writer http.ResponseWriter, _ *http.Request) {
		answer(writer, http.StatusOK, map[string]interface{}{"keys": []string{}})
	})
	return http.ListenAndServeTLS(":443", os.Getenv("TLS_CERT"), os.Getenv("TLS_KEY"), mux)
}

const keptPerIndex = 2000

// index keeps the newest documents and counts all.
type index struct {
	count     int
	documents []json.RawMessage
}

type elastic struct {
	lock    sync.Mutex
	indices map[string]*index
}

// elasticsearch serves HTTP on port 9200 for USERNAME with the password in the file PASSWORD_FILE.
func elasticsearch() error {
	username := os.Getenv("USERNAME")
	password, err := ioutil.ReadFile(os.Getenv("PASSWORD_FILE"))
	if err != nil {
		return err
	}
	kept := &elastic{indices: map[string]*index{}}
	return http.ListenAndServe(":9200", http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		name, word, _ := request.BasicAuth()
		if name != username || subtle.ConstantTimeCompare([]byte(word), password) != 1 {
			writer.Header().Set("WWW-Authenticate", `Basic realm="security"`)
			answer(writer, http.StatusUnauthorized, map[string]interface{}{"status": 401, "error": "security_exception"})
			return
		}
		kept.serve(writer, request)
	}))
}

func (e *elastic) serve(writer http.ResponseWriter, request *http.Request) {
	path := strings.Trim(request.URL.Path, "/")
	name := strings.SplitN(path, "/", 2)[0]
	switch {
	case path == "":
		answer(writer, http.StatusOK, map[string]interface{}{
			"name": "lab", "version": map[string]string{"number": "6.8.23"}, "tagline": "You Know, for Search",
		})
	case path == "_cluster/health":
		answer(writer, http.StatusOK, map[string]string{"status": "green"})
	case strings.HasSuffix(path, "_bulk"):
		if err := e.bulk(request.Body, strings.TrimSuffix(strings.TrimSuffix(path, "_bulk"), "/")); err != nil {
			answer(writer, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		answer(writer, http.StatusOK, map[string]interface{}{"errors": false, "items": []string{}})
	case strings.HasSuffix(path, "/_count"):
		answer(writer, http.StatusOK, map[string]int{"count": e.of(name).count})
	case strings.HasSuffix(path, "/_search"):
		found := e.of(name)
		answer(writer, http.StatusOK, map[string]interface{}{
			"hits": map[string]interface{}{"total": found.count, "hits": found.documents},
		})
	case request.Method == http.MethodPut:
		answer(writer, http.StatusOK, map[string]bool{"acknowledged": true})
	default:
		answer(writer, http.StatusNotFound, map[string]interface{}{"status": 404, "error": path + " is not served"})
	}
}

func (e *elastic) of(name string) index {
	e.lock.Lock()
	defer e.lock.Unlock()
	if found, ok := e.indices[name]; ok {
		return index{found.count, append([]json.RawMessage{}, found.documents...)}
	}
	return index{documents: []json.RawMessage{}}
}

// bulk reads pairs of lines: where a document goes, and the document.
func (e *elastic) bulk(body io.Reader, otherwise string) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var action map[string]struct {
			Index string `json:"_index"`
		}
		if err := json.Unmarshal(lines.Bytes(), &action); err != nil {
			return err
		}
		if !lines.Scan() {
			return fmt.Errorf("the last action has no document")
		}
		name := otherwise
		for _, entry := range action {
			if entry.Index != "" {
				name = entry.Index
			}
		}
		e.add(name, append(json.RawMessage{}, lines.Bytes()...))
	}
	return lines.Err()
}

func (e *elastic) add(name string, document json.RawMessage) {
	e.lock.Lock()
	defer e.lock.Unlock()
	found, ok := e.indices[name]
	if !ok {
		found = &index{}
		e.indices[name] = found
	}
	found.count++
	found.documents = append(found.documents, document)
	if len(found.documents) > keptPerIndex {
		found.documents = found.documents[len(found.documents)-keptPerIndex:]
	}
}
