package main

import (
	"context"
	"encoding/json"
	"io"
	"io/ioutil"
	"log"
	"net/http"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	apiVersion = "v1"
	maxBody    = 3 << 20
)

// api is one group of the platform: discovery, and objects that are created, read, watched, changed and deleted.
type api struct {
	group  string
	kinds  []kind
	login  *login
	rights *rights
	audit  *auditor
	store  *store
}

// request is what a URL means.
type target struct {
	kind        kind
	namespace   string
	name        string
	subresource string
}

func (a *api) groupVersion() string {
	return a.group + "/" + apiVersion
}

// known lets only those in for whom somebody vouches.
func (a *api) known(next http.HandlerFunc) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		if _, ok := a.login.who(request); !ok {
			fail(writer, errors.NewUnauthorized("no valid certificate, token or front proxy"))
			return
		}
		next(writer, request)
	}
}

func (a *api) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	who, ok := a.login.who(request)
	if !ok {
		fail(writer, errors.NewUnauthorized("no valid certificate, token or front proxy"))
		return
	}
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	if parts[0] != "apis" || len(parts) > 1 && parts[1] != a.group || len(parts) > 2 && parts[2] != apiVersion {
		a.elsewhere(writer, request)
		return
	}
	if len(parts) <= 3 {
		a.discovery(writer, len(parts))
		return
	}
	place, ok := a.target(parts[3:])
	if !ok {
		fail(writer, errors.NewNotFound(schema.GroupResource{Group: a.group, Resource: parts[3]}, ""))
		return
	}
	verb := verbOf(request, place.name != "")
	allowed, err := a.rights.may(who, attributes{verb, a.group, place.kind.plural, place.namespace, place.name, ""})
	if err != nil {
		fail(writer, errors.NewInternalError(err))
		return
	}
	if !allowed {
		reason := errors.NewForbidden(a.resource(place), place.name, errorf("%s may not %s it", who.name, verb))
		fail(writer, reason)
		return
	}
	a.act(writer, request, verb, place, who)
}

// elsewhere are the few paths outside the group.
func (a *api) elsewhere(writer http.ResponseWriter, request *http.Request) {
	if request.URL.Path == "/version" {
		write(writer, http.StatusOK, map[string]string{"major": "1", "minor": "18", "gitVersion": "v1.18.2"})
		return
	}
	http.NotFound(writer, request)
}

func (a *api) resource(place target) schema.GroupResource {
	return schema.GroupResource{Group: a.group, Resource: place.kind.plural}
}

func (a *api) groupPlural(place target) string {
	return a.group + "/" + place.kind.plural
}

// target reads [namespaces/<namespace>/]<plural>[/<name>[/status]].
func (a *api) target(parts []string) (target, bool) {
	var found target
	if parts[0] == "namespaces" && len(parts) >= 3 {
		if entry, ok := a.kind(parts[2]); ok && entry.namespaced {
			found.namespace, parts = parts[1], parts[2:]
		}
	}
	entry, ok := a.kind(parts[0])
	found.kind = entry
	if len(parts) > 1 {
		found.name = parts[1]
	}
	if len(parts) > 2 {
		found.subresource = parts[2]
	}
	known := found.subresource == "" || found.subresource == "status" ||
		found.subresource == finalize && a.groupPlural(found) == clusters
	return found, ok && known && len(parts) <= 3 && (found.name == "" || entry.namespaced == (found.namespace != ""))
}

func (a *api) kind(plural string) (kind, bool) {
	for _, entry := range a.kinds {
		if entry.plural == plural {
			return entry, true
		}
	}
	return kind{}, false
}

// key is where an object is kept, or how the keys of a collection start.
func (t target) key() string {
	parts := []string{t.kind.plural}
	if t.kind.namespaced && t.namespace != "" {
		parts = append(parts, t.namespace)
	}
	return strings.Join(append(parts, t.name), "/")
}

func verbOf(request *http.Request, named bool) string {
	switch request.Method {
	case http.MethodGet, http.MethodHead:
		if watching(request) {
			return "watch"
		}
		if named {
			return "get"
		}
		return "list"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		return "patch"
	case http.MethodDelete:
		if named {
			return "delete"
		}
		return "deletecollection"
	}
	return strings.ToLower(request.Method)
}

func watching(request *http.Request) bool {
	wanted, _ := strconv.ParseBool(request.URL.Query().Get("watch"))
	return wanted
}

func (a *api) discovery(writer http.ResponseWriter, depth int) {
	only := metav1.GroupVersionForDiscovery{GroupVersion: a.groupVersion(), Version: apiVersion}
	described := metav1.APIGroup{
		TypeMeta: metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"},
		Name:     a.group, Versions: []metav1.GroupVersionForDiscovery{only}, PreferredVersion: only,
	}
	switch depth {
	case 1:
		listed := described
		listed.TypeMeta = metav1.TypeMeta{}
		write(writer, http.StatusOK, metav1.APIGroupList{
			TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{listed},
		})
	case 2:
		write(writer, http.StatusOK, described)
	default:
		list := metav1.APIResourceList{
			TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
			GroupVersion: a.groupVersion(), APIResources: []metav1.APIResource{},
		}
		for _, entry := range a.kinds {
			verbs := metav1.Verbs{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
			list.APIResources = append(list.APIResources,
				metav1.APIResource{Name: entry.plural, Kind: entry.name, Namespaced: entry.namespaced, Verbs: verbs},
				metav1.APIResource{
					Name: entry.plural + "/status", Kind: entry.name, Namespaced: entry.namespaced,
					Verbs: metav1.Verbs{"get", "patch", "update"},
				})
			if a.groupPlural(target{kind: entry}) == clusters {
				list.APIResources = append(list.APIResources, metav1.APIResource{
					Name: entry.plural + "/" + finalize, Kind: entry.name, Verbs: metav1.Verbs{"get", "patch", "update"},
				})
			}
		}
		write(writer, http.StatusOK, list)
	}
}

func (a *api) act(writer http.ResponseWriter, request *http.Request, verb string, place target, who person) {
	ctx := request.Context()
	var result interface{}
	code, err := http.StatusOK, error(nil)
	switch verb {
	case "watch":
		a.watch(writer, request, place)
		return
	case "get":
		result, err = a.get(ctx, request, place)
	case "list":
		result, err = a.list(ctx, request, place)
	case "create", "update", "patch":
		var body []byte
		if body, err = ioutil.ReadAll(io.LimitReader(request.Body, maxBody)); err == nil {
			result, code, err = a.put(ctx, request, place, body)
		}
	case "delete":
		result, err = a.remove(ctx, request, place)
	case "deletecollection":
		result, err = a.removeAll(ctx, request, place)
	default:
		err = errors.NewMethodNotSupported(a.resource(place), verb)
	}
	if verb != "get" && verb != "list" {
		a.audit.note(a.group, place, verb, who, err)
	}
	if err != nil {
		fail(writer, err)
		return
	}
	write(writer, code, result)
}

func (a *api) get(ctx context.Context, request *http.Request, place target) (interface{}, error) {
	found, _, err := a.store.get(ctx, place.key())
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, errors.NewNotFound(a.resource(place), place.name)
	}
	return shape(request, found), nil
}

func (a *api) list(ctx context.Context, request *http.Request, place target) (interface{}, error) {
	chosen, err := selection(request)
	if err != nil {
		return nil, err
	}
	found, revision, err := a.store.list(ctx, place.key())
	if err != nil {
		return nil, err
	}
	items := []interface{}{}
	for _, entry := range found {
		if chosen(entry) {
			items = append(items, shape(request, entry).Object)
		}
	}
	described := map[string]interface{}{"apiVersion": a.groupVersion(), "kind": place.kind.name + "List"}
	if partial(request) {
		described = map[string]interface{}{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList"}
	}
	described["metadata"] = map[string]interface{}{"resourceVersion": strconv.FormatInt(revision, 10)}
	described["items"] = items
	return described, nil
}

func fail(writer http.ResponseWriter, err error) {
	problem, ok := err.(errors.APIStatus)
	if !ok {
		problem = errors.NewInternalError(err)
	}
	status := problem.Status()
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	write(writer, int(status.Code), status)
}

func write(writer http.ResponseWriter, code int, object interface{}) {
	if entry, ok := object.(*unstructured.Unstructured); ok {
		object = entry.Object
	}
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(code)
	if err := json.NewEncoder(writer).Encode(object); err != nil {
		log.Printf("answer: %v", err)
	}
}
