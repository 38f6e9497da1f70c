package main

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
)

func sameIssuer(configured, described string) error {
	if configured != described {
		return fmt.Errorf("the provider calls itself %q, the configuration %q", described, configured)
	}
	return nil
}

// prepareAuth is tke-auth-api: an API, the identity provider of the others, and who answers their questions of rights.
func prepareAuth(c *checker, part component) *server {
	served, objects := newAPI(c, part)
	issuer := "https://" + c.text("generic.external_hostname") + "/oidc"
	keys := publicKeys(served)
	mux := http.NewServeMux()
	mux.Handle("/", objects)
	mux.HandleFunc("/oidc/.well-known/openid-configuration", func(writer http.ResponseWriter, _ *http.Request) {
		write(writer, http.StatusOK, map[string]interface{}{
			"issuer": issuer, "authorization_endpoint": issuer + "/auth", "token_endpoint": issuer + "/token",
			"jwks_uri": issuer + "/keys", "response_types_supported": []string{"code"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/oidc/keys", func(writer http.ResponseWriter, _ *http.Request) {
		write(writer, http.StatusOK, map[string]interface{}{"keys": keys})
	})
	mux.HandleFunc("/auth/authz", objects.known(func(writer http.ResponseWriter, request *http.Request) {
		var question review
		if err := json.NewDecoder(request.Body).Decode(&question); err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
			return
		}
		asker := person{question.Spec.User, append(question.Spec.Group, question.Spec.Groups...)}
		question.Status.Allowed = objects.rights.local(asker)
		write(writer, http.StatusOK, question)
	}))
	mux.HandleFunc("/auth/authn", objects.known(func(writer http.ResponseWriter, request *http.Request) {
		var question struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Spec       struct {
				Token string `json:"token"`
			} `json:"spec"`
			Status map[string]interface{} `json:"status"`
		}
		if err := json.NewDecoder(request.Body).Decode(&question); err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
			return
		}
		found, ok := objects.login.tokens[question.Spec.Token]
		question.Spec.Token = ""
		question.Status = map[string]interface{}{"authenticated": ok}
		if ok {
			question.Status["user"] = map[string]interface{}{"username": found.name, "groups": found.groups}
		}
		write(writer, http.StatusOK, question)
	}))
	served.handler = mux
	return served
}

func publicKeys(served *server) []map[string]string {
	key, ok := served.certificate.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		return []map[string]string{}
	}
	encode := base64.RawURLEncoding.EncodeToString
	return []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1",
		"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
	}}
}
