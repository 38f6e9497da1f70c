package main

import (
	"bytes"
	"encoding/json"
	"io"
	"io/ioutil"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	sinkPath   = "/apis/audit.tkestack.io/v1/events/sink/"
	auditIndex = "auditevent"
	auditQueue = 200
)

// auditor sends one event per change to the platform's audit server; without one it does nothing.
type auditor struct {
	sink   *remote
	events chan map[string]interface{}
}

// audit checks the two files of the arguments; both or none must be given.
func (c *checker) audit() *auditor {
	if c.opts.auditPolicy == "" && c.opts.auditWebhook == "" {
		return nil
	}
	if c.opts.auditPolicy == "" || c.opts.auditWebhook == "" {
		c.fault("audit: a policy without a webhook or a webhook without a policy is of no use")
		return nil
	}
	policy := c.readDocument(c.opts.auditPolicy, "audit.k8s.io/v1", "Policy")
	rules := policy.list("rules")
	if policy != nil && len(rules) == 0 {
		c.fault("%s: it holds no rules", c.opts.auditPolicy)
	}
	for _, rule := range rules {
		switch level := rule.text("level"); level {
		case "None", "Metadata", "Request", "RequestResponse":
		default:
			c.fault("%s: level %q is not known", c.opts.auditPolicy, level)
		}
	}
	found := &auditor{c.kubeconfig(c.opts.auditWebhook, false), make(chan map[string]interface{}, auditQueue)}
	c.after(func() error {
		go found.send()
		return nil
	})
	return found
}

func (a *auditor) note(group string, place target, verb string, who person, outcome error) {
	if a == nil || place.kind.plural == "configmaps" || place.subresource == "status" {
		return
	}
	code := http.StatusOK
	if outcome != nil {
		code = http.StatusInternalServerError
	}
	entry := map[string]interface{}{
		"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "stage": "ResponseComplete",
		"auditID": uuid.New().String(), "verb": verb, "user": map[string]interface{}{"username": who.name},
		"objectRef": map[string]interface{}{
			"apiGroup": group, "apiVersion": apiVersion, "resource": place.kind.plural,
			"namespace": place.namespace, "name": place.name,
		},
		"responseStatus":           map[string]interface{}{"code": code},
		"requestReceivedTimestamp": time.Now().UTC().Format(time.RFC3339Nano),
	}
	select {
	case a.events <- entry:
	default: // auditing must not hold up the API
	}
}

func (a *auditor) send() {
	for entry := range a.events {
		list := map[string]interface{}{
			"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": []interface{}{entry},
		}
		if err := a.sink.call("", &list); err != nil {
			log.Printf("audit: %v", err)
		}
	}
}

func checkAuditAPI(c *checker) {
	c.identityProvider()
}

// prepareAudit is tke-audit-api: it takes events from the API servers and hands them to Elasticsearch.
func prepareAudit(c *checker, part component) *server {
	certificate := c.serving(c.name, c.name+".tke.svc")
	who := &login{tokens: c.tokens()}
	c.frontProxy(who)
	part.check(c)
	path := c.text("audit_config")
	doc := c.document("audit_config", "audit.config.tkestack.io/v1", "AuditConfiguration")
	entry, _ := doc.get("storage.elasticSearch").(map[string]interface{})
	if entry == nil {
		c.fault("%s: storage.elasticSearch is missing", path)
	}
	if days, ok := entry["reserveDays"].(float64); !ok || days < 1 {
		c.fault("%s: storage.elasticSearch.reserveDays is no number of days", path)
	}
	elastic := c.store(entry, path, "/")
	objects := &api{group: part.group, login: who, rights: &rights{}}
	mux := http.NewServeMux()
	mux.Handle("/", objects)
	// The API servers bring no login of their own: theirs is a webhook without a user.
	mux.HandleFunc(sinkPath, func(writer http.ResponseWriter, request *http.Request) {
		code, err := keep(elastic, request)
		if err != nil {
			log.Printf("sink: %v", err)
			http.Error(writer, err.Error(), code)
			return
		}
		write(writer, http.StatusOK, map[string]interface{}{"kind": "Status", "apiVersion": "v1", "status": "Success"})
	})
	return &server{port: c.port(part.port), certificate: certificate, handler: mux}
}

// keep writes the events of a request into Elasticsearch's index of audit events.
func keep(elastic *remote, request *http.Request) (int, error) {
	body, err := ioutil.ReadAll(io.LimitReader(request.Body, 16<<20))
	if err != nil {
		return http.StatusBadRequest, err
	}
	var list struct {
		Kind  string                   `json:"kind"`
		Items []map[string]interface{} `json:"items"`
	}
	if err := json.Unmarshal(body, &list); err != nil || list.Kind != "EventList" {
		return http.StatusBadRequest, errorf("the body is no EventList: %v", err)
	}
	var bulk bytes.Buffer
	lines := json.NewEncoder(&bulk)
	for _, entry := range list.Items {
		id, _ := entry["auditID"].(string)
		entry["clusterName"] = strings.TrimPrefix(request.URL.Path, sinkPath)
		action := map[string]string{"_index": auditIndex, "_type": "_doc", "_id": id}
		if err := lines.Encode(map[string]interface{}{"index": action}); err != nil {
			return http.StatusBadRequest, err
		}
		if err := lines.Encode(entry); err != nil {
			return http.StatusBadRequest, err
		}
	}
	if bulk.Len() == 0 {
		return http.StatusOK, nil
	}
	if _, err := elastic.do(http.MethodPost, "/_bulk", bulk.Bytes()); err != nil {
		return http.StatusBadGateway, err
	}
	return http.StatusOK, nil
}
