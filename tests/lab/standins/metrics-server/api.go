package main

import (
	"encoding/json"
	"log"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	listers "k8s.io/client-go/listers/core/v1"
	metrics "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

const (
	group        = "metrics.k8s.io"
	version      = "v1beta1"
	groupVersion = group + "/" + version
)

// api serves discovery and the two resources of metrics.k8s.io/v1beta1, to be read only.
type api struct {
	collector *collector
	nodes     listers.NodeLister
	pods      listers.PodLister
	opts      options
}

func (a *api) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if request.URL.Path == "/healthz" {
		writer.Write([]byte("ok"))
		return
	}
	if !a.vouched(request) {
		fail(writer, errors.NewUnauthorized("only the API server's front proxy may ask"))
		return
	}
	if request.Method != http.MethodGet {
		fail(writer, errors.NewMethodNotSupported(schema.GroupResource{Group: group}, request.Method))
		return
	}
	selector, err := labels.Parse(request.URL.Query().Get("labelSelector"))
	if err != nil {
		fail(writer, errors.NewBadRequest(err.Error()))
		return
	}
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	if parts[0] != "apis" || len(parts) > 1 && parts[1] != group || len(parts) > 2 && parts[2] != version {
		http.NotFound(writer, request)
		return
	}
	if len(parts) <= 3 {
		a.discovery(writer, len(parts))
		return
	}
	switch rest := parts[3:]; {
	case len(rest) == 1 && rest[0] == "nodes":
		a.nodeList(writer, selector)
	case len(rest) == 2 && rest[0] == "nodes":
		a.node(writer, rest[1])
	case len(rest) == 1 && rest[0] == "pods":
		a.podList(writer, "", selector)
	case len(rest) == 3 && rest[0] == "namespaces" && rest[2] == "pods":
		a.podList(writer, rest[1], selector)
	case len(rest) == 4 && rest[0] == "namespaces" && rest[2] == "pods":
		a.pod(writer, rest[1], rest[3])
	default:
		http.NotFound(writer, request)
	}
}

// vouched says whether the caller showed the front proxy's certificate. Without a CA to check it by, anyone may ask.
func (a *api) vouched(request *http.Request) bool {
	if a.opts.clientCA == "" {
		return true
	}
	if request.TLS == nil || len(request.TLS.VerifiedChains) == 0 {
		return false
	}
	name := request.TLS.VerifiedChains[0][0].Subject.CommonName
	for _, allowed := range a.opts.allowedNames {
		if allowed == name {
			return true
		}
	}
	return len(a.opts.allowedNames) == 0
}

func (a *api) discovery(writer http.ResponseWriter, depth int) {
	only := metav1.GroupVersionForDiscovery{GroupVersion: groupVersion, Version: version}
	described := metav1.APIGroup{
		TypeMeta: metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"},
		Name:     group, Versions: []metav1.GroupVersionForDiscovery{only}, PreferredVersion: only,
	}
	switch depth {
	case 1:
		listed := described
		listed.TypeMeta = metav1.TypeMeta{}
		send(writer, metav1.APIGroupList{
			TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{listed},
		})
	case 2:
		send(writer, described)
	default:
		verbs := metav1.Verbs{"get", "list"}
		send(writer, metav1.APIResourceList{
			TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
			GroupVersion: groupVersion,
			APIResources: []metav1.APIResource{
				{Name: "nodes", Kind: "NodeMetrics", Verbs: verbs},
				{Name: "pods", Kind: "PodMetrics", Namespaced: true, Verbs: verbs},
			},
		})
	}
}

func (a *api) nodeList(writer http.ResponseWriter, selector labels.Selector) {
	nodes, err := a.nodes.List(selector)
	if err != nil {
		fail(writer, errors.NewInternalError(err))
		return
	}
	list := metrics.NodeMetricsList{TypeMeta: metav1.TypeMeta{Kind: "NodeMetricsList", APIVersion: groupVersion}}
	list.Items = []metrics.NodeMetrics{}
	for _, node := range nodes {
		if found, ok := a.collector.node(node.Name); ok {
			list.Items = append(list.Items, found)
		}
	}
	send(writer, list)
}

func (a *api) node(writer http.ResponseWriter, name string) {
	if found, ok := a.collector.node(name); ok {
		send(writer, found)
		return
	}
	fail(writer, errors.NewNotFound(schema.GroupResource{Group: group, Resource: "nodes"}, name))
}

func (a *api) podList(writer http.ResponseWriter, namespace string, selector labels.Selector) {
	pods, err := a.pods.Pods(namespace).List(selector)
	if err != nil {
		fail(writer, errors.NewInternalError(err))
		return
	}
	list := metrics.PodMetricsList{TypeMeta: metav1.TypeMeta{Kind: "PodMetricsList", APIVersion: groupVersion}}
	list.Items = []metrics.PodMetrics{}
	for _, pod := range pods {
		if found, ok := a.collector.pod(pod.Namespace, pod.Name); ok {
			list.Items = append(list.Items, found)
		}
	}
	send(writer, list)
}

func (a *api) pod(writer http.ResponseWriter, namespace, name string) {
	if found, ok := a.collector.pod(namespace, name); ok {
		send(writer, found)
		return
	}
	fail(writer, errors.NewNotFound(schema.GroupResource{Group: group, Resource: "pods"}, name))
}

func fail(writer http.ResponseWriter, problem *errors.StatusError) {
	status := problem.Status()
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	write(writer, int(status.Code), status)
}

func send(writer http.ResponseWriter, object interface{}) {
	write(writer, http.StatusOK, object)
}

func write(writer http.ResponseWriter, code int, object interface{}) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(code)
	if err := json.NewEncoder(writer).Encode(object); err != nil {
		log.Printf("answer: %v", err)
	}
}
