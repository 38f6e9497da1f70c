package main

import (
	"encoding/json"
	"strings"
	"sync"
	"time"
)

const (
	masters    = "system:masters"
	rememberOK = 5 * time.Minute
	rememberNo = 30 * time.Second
)

// attributes is what somebody wants to do; an empty resource means a path that belongs to none.
type attributes struct {
	verb, group, resource, namespace, name, path string
}

// rights says who may do what. With neither policy nor webhook everybody who is known may do everything.
type rights struct {
	webhook    *remote
	policy     []policy
	privileged string

	lock  sync.Mutex
	known map[string]answer
}

type answer struct {
	allowed bool
	until   time.Time
}

// policy is one line of an ABAC file; only the user is looked at, since the platform's file has but that.
type policy struct {
	Kind string `json:"kind"`
	Spec struct {
		User string `json:"user"`
	} `json:"spec"`
}

// review is the SubjectAccessReview that travels between an API and tke-auth-api.
type review struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Spec       reviewSpec   `json:"spec"`
	Status     reviewStatus `json:"status"`
}

type reviewSpec struct {
	User     string            `json:"user"`
	Group    []string          `json:"group,omitempty"`
	Groups   []string          `json:"groups,omitempty"`
	Resource map[string]string `json:"resourceAttributes,omitempty"`
	Path     map[string]string `json:"nonResourceAttributes,omitempty"`
}

type reviewStatus struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason,omitempty"`
}

// rights reads [authorization], and the webhook that checks tokens of an API that has one.
func (c *checker) rights() *rights {
	found := &rights{known: map[string]answer{}, privileged: c.optional("authentication.privileged_username")}
	if mode := c.optional("authorization.mode"); mode == "Webhook" {
		found.webhook = c.kubeconfig(c.text("authorization.webhook_config_file"), true)
	} else if mode != "" {
		c.fault("%s: authorization.mode %q is not known", c.opts.config, mode)
	}
	if c.has("authorization.webhook_config_file") && found.webhook == nil {
		c.fault("%s: authorization.webhook_config_file is of no use without mode Webhook", c.opts.config)
	}
	if c.has("authentication.webhook") {
		c.kubeconfig(c.text("authentication.webhook.config_file"), true)
	}
	if c.name == authServer || c.has("authorization.policy_file") {
		found.policy = c.policies()
	}
	return found
}

func (c *checker) policies() []policy {
	key := "authorization.policy_file"
	var found []policy
	for _, line := range strings.Split(string(c.file(key)), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var entry policy
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Kind != "Policy" || entry.Spec.User == "" {
			c.fault("%s: a line is no Policy for a user: %v", key, err)
			continue
		}
		found = append(found, entry)
	}
	if len(found) == 0 {
		c.fault("%s: it holds no policy", key)
	}
	return found
}

// may says whether somebody may do something; asking the webhook is remembered.
func (r *rights) may(who person, what attributes) (bool, error) {
	if who.in(masters) || r.webhook == nil && r.policy == nil {
		return true, nil
	}
	if r.webhook == nil {
		return r.local(who), nil
	}
	key := strings.Join([]string{who.name, strings.Join(who.groups, ","), what.verb, what.group, what.resource, what.path}, "\x00")
	r.lock.Lock()
	found, ok := r.known[key]
	r.lock.Unlock()
	if ok && time.Now().Before(found.until) {
		return found.allowed, nil
	}
	question := review{APIVersion: "authorization.k8s.io/v1beta1", Kind: "SubjectAccessReview"}
	question.Spec = reviewSpec{User: who.name, Group: who.groups}
	if what.resource == "" {
		question.Spec.Path = map[string]string{"path": what.path, "verb": what.verb}
	} else {
		question.Spec.Resource = map[string]string{
			"verb": what.verb, "group": what.group, "version": "v1",
			"resource": what.resource, "namespace": what.namespace, "name": what.name,
		}
	}
	if err := r.webhook.call("", &question); err != nil {
		return false, err
	}
	keep := rememberNo
	if question.Status.Allowed {
		keep = rememberOK
	}
	r.lock.Lock()
	r.known[key] = answer{question.Status.Allowed, time.Now().Add(keep)}
	r.lock.Unlock()
	return question.Status.Allowed, nil
}

// local decides without asking anybody: the administrator, and whom a policy names.
func (r *rights) local(who person) bool {
	if who.in(masters) || r.privileged != "" && who.name == r.privileged {
		return true
	}
	for _, entry := range r.policy {
		pattern := entry.Spec.User
		if pattern == who.name || strings.HasSuffix(pattern, "*") && strings.HasPrefix(who.name, strings.TrimSuffix(pattern, "*")) {
			return true
		}
	}
	return false
}
