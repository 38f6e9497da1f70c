package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"

	jsonpatch "github.com/evanphx/json-patch"
	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

type object = unstructured.Unstructured

func errorf(format string, values ...interface{}) error {
	return fmt.Errorf(format, values...)
}

func equal(one, other *object) bool {
	return one != nil && other != nil && reflect.DeepEqual(one.Object, other.Object)
}

// selection is the request's label and field selectors as one question.
func selection(request *http.Request) (func(*object) bool, error) {
	query := request.URL.Query()
	byLabel, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		return nil, errors.NewBadRequest(err.Error())
	}
	byField, err := fields.ParseSelector(query.Get("fieldSelector"))
	if err != nil {
		return nil, errors.NewBadRequest(err.Error())
	}
	return func(entry *object) bool {
		known := fields.Set{"metadata.name": entry.GetName(), "metadata.namespace": entry.GetNamespace()}
		for _, path := range []string{"spec.clusterName", "spec.tenantID", "clusterName", "tenantID"} {
			known[path], _, _ = unstructured.NestedString(entry.Object, strings.Split(path, ".")...)
		}
		return byLabel.Matches(labels.Set(entry.GetLabels())) && byField.Matches(known)
	}, nil
}

// partial says that the caller reads only metadata, as the garbage collector does.
func partial(request *http.Request) bool {
	return strings.Contains(request.Header.Get("Accept"), "as=PartialObjectMetadata")
}

func shape(request *http.Request, entry *object) *object {
	if !partial(request) {
		return entry
	}
	return &object{Object: map[string]interface{}{
		"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": entry.Object["metadata"],
	}}
}

// put creates or changes one object by POST, PUT or PATCH and says which by the status code.
func (a *api) put(ctx context.Context, request *http.Request, place target, body []byte) (interface{}, int, error) {
	media, _, _ := mime.ParseMediaType(request.Header.Get("Content-Type"))
	post, apply := request.Method == http.MethodPost, media == string(types.ApplyPatchType)
	if request.Method != http.MethodPatch || apply {
		given, err := a.given(body, &place)
		if err != nil {
			return nil, 0, err
		}
		if body, err = given.MarshalJSON(); err != nil {
			return nil, 0, err
		}
	}
	if apply && request.URL.Query().Get("fieldManager") == "" {
		return nil, 0, errors.NewBadRequest("an apply needs a fieldManager")
	}
	code := http.StatusOK
	after, err := a.store.change(ctx, place.key(), dry(request), func(before *object) (*object, error) {
		code = http.StatusOK
		if before == nil {
			if !post && !apply {
				return nil, errors.NewNotFound(a.resource(place), place.name)
			}
			code = http.StatusCreated
			fresh := &object{}
			if err := fresh.UnmarshalJSON(body); err != nil {
				return nil, err
			}
			return a.created(fresh, place)
		}
		if post {
			return nil, errors.NewAlreadyExists(a.resource(place), place.name)
		}
		wished, err := a.wished(before, media, request.Method, body)
		if err != nil {
			return nil, err
		}
		return a.changed(before, wished, place)
	})
	if err != nil {
		return nil, 0, err
	}
	return shape(request, after), code, nil
}

// given is the object of a body, which must be of the place's kind and name; a POST names it only in the body.
func (a *api) given(body []byte, place *target) (*object, error) {
	fresh := &object{}
	if err := yaml.Unmarshal(body, &fresh.Object); err != nil || fresh.Object == nil {
		return nil, errors.NewBadRequest(fmt.Sprintf("the body is no object: %v", err))
	}
	if fresh.GetAPIVersion() != a.groupVersion() || fresh.GetKind() != place.kind.name {
		text := "the body is a %s of %s, not a %s of %s"
		return nil, errors.NewBadRequest(
			fmt.Sprintf(text, fresh.GetKind(), fresh.GetAPIVersion(), place.kind.name, a.groupVersion()))
	}
	if place.name == "" {
		if fresh.GetName() == "" && fresh.GetGenerateName() != "" {
			fresh.SetName(fresh.GetGenerateName() + uuid.New().String()[:5])
		}
		place.name = fresh.GetName()
	}
	if fresh.GetName() == "" || fresh.GetName() != place.name {
		return nil, errors.NewBadRequest(fmt.Sprintf("the object's name is %q, that of the URL %q", fresh.GetName(), place.name))
	}
	if namespace := fresh.GetNamespace(); namespace != "" && namespace != place.namespace {
		return nil, errors.NewBadRequest(fmt.Sprintf("the object's namespace is %q, that of the URL %q", namespace, place.namespace))
	}
	if place.kind.namespaced {
		fresh.SetNamespace(place.namespace)
	}
	return fresh, nil
}

func (a *api) created(fresh *object, place target) (*object, error) {
	if fresh.GetResourceVersion() != "" {
		return nil, errors.NewBadRequest("resourceVersion should not be set on objects to be created")
	}
	fresh.SetUID(types.UID(uuid.New().String()))
	fresh.SetCreationTimestamp(metav1.NewTime(time.Now().UTC().Truncate(time.Second)))
	fresh.SetGeneration(1)
	unstructured.RemoveNestedField(fresh.Object, "metadata", "managedFields")
	return fresh, a.valid(fresh, place)
}

// wished is the object as the caller wants it; lists are replaced as a whole whatever the kind of patch.
func (a *api) wished(before *object, media, method string, body []byte) (*object, error) {
	wished := &object{}
	if method == http.MethodPut {
		return wished, wished.UnmarshalJSON(body)
	}
	text, err := before.MarshalJSON()
	if err != nil {
		return nil, err
	}
	switch types.PatchType(media) {
	case types.MergePatchType, types.ApplyPatchType:
		text, err = jsonpatch.MergePatch(text, body)
	case types.JSONPatchType:
		var patch jsonpatch.Patch
		if patch, err = jsonpatch.DecodePatch(body); err == nil {
			text, err = patch.Apply(text)
		}
	default:
		return nil, unsupported(media)
	}
	if err != nil {
		return nil, errors.NewBadRequest(err.Error())
	}
	if err := wished.UnmarshalJSON(text); err != nil {
		return nil, errors.NewBadRequest(err.Error())
	}
	return wished, nil
}

func unsupported(media string) error {
	return &errors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusUnsupportedMediaType, Reason: metav1.StatusReasonUnsupportedMediaType,
		Message: fmt.Sprintf("%q is no kind of patch that is served", media),
	}}
}

// changed lays the wished object over the present one: what only the server writes stays, and the status
// subresource takes nothing but the status.
func (a *api) changed(before, wished *object, place target) (*object, error) {
	if version := wished.GetResourceVersion(); version != "" && version != before.GetResourceVersion() {
		return nil, errors.NewConflict(a.resource(place), place.name, errorf("the object has been modified"))
	}
	if uid := wished.GetUID(); uid != "" && uid != before.GetUID() {
		return nil, errors.NewConflict(a.resource(place), place.name, errorf("the object is another one: uid %s", before.GetUID()))
	}
	if place.subresource == "status" {
		after := before.DeepCopy()
		after.Object["status"] = wished.Object["status"]
		return after, nil
	}
	wished.SetUID(before.GetUID())
	wished.SetResourceVersion(before.GetResourceVersion())
	wished.SetCreationTimestamp(before.GetCreationTimestamp())
	wished.SetDeletionTimestamp(before.GetDeletionTimestamp())
	wished.SetGeneration(before.GetGeneration())
	unstructured.RemoveNestedField(wished.Object, "metadata", "managedFields")
	if !reflect.DeepEqual(wished.Object["spec"], before.Object["spec"]) {
		wished.SetGeneration(before.GetGeneration() + 1)
	}
	if a.groupPlural(place) == clusters {
		if err := clusterChanged(before, wished, place); err != nil {
			return nil, err
		}
	}
	if err := a.valid(wished, place); err != nil {
		return nil, err
	}
	if wished.GetDeletionTimestamp() != nil && len(finalizers(wished)) == 0 {
		return nil, nil
	}
	return wished, nil
}

func dry(request *http.Request) bool {
	return request.URL.Query().Get("dryRun") == "All"
}

// finalizers hold an object back; the platform has them in its spec as well.
func finalizers(entry *object) []string {
	found, _, _ := unstructured.NestedStringSlice(entry.Object, "spec", "finalizers")
	return append(found, entry.GetFinalizers()...)
}

// remove deletes an object, or marks it when finalizers hold it back: a cluster is then torn down.
func (a *api) remove(ctx context.Context, request *http.Request, place target) (interface{}, error) {
	var last *object
	_, err := a.store.change(ctx, place.key(), dry(request), func(before *object) (*object, error) {
		if before == nil {
			return nil, errors.NewNotFound(a.resource(place), place.name)
		}
		last = before
		if len(finalizers(before)) == 0 {
			return nil, nil
		}
		if before.GetDeletionTimestamp() == nil {
			now := metav1.NewTime(time.Now().UTC().Truncate(time.Second))
			before.SetDeletionTimestamp(&now)
			if err := unstructured.SetNestedField(before.Object, "Terminating", "status", "phase"); err != nil {
				return nil, err
			}
		}
		return before, nil
	})
	return last, err
}

func (a *api) removeAll(ctx context.Context, request *http.Request, place target) (interface{}, error) {
	chosen, err := selection(request)
	if err != nil {
		return nil, err
	}
	found, _, err := a.store.list(ctx, place.key())
	if err != nil {
		return nil, err
	}
	for _, entry := range found {
		one := target{kind: place.kind, namespace: entry.GetNamespace(), name: entry.GetName()}
		if !chosen(entry) {
			continue
		}
		if _, err := a.remove(ctx, request, one); err != nil && !errors.IsNotFound(err) {
			return nil, err
		}
	}
	return metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess}, nil
}

// Fields that the originals read as bytes: JSON holds them in base64.
var (
	credentialBytes = []string{
		"etcdCACert", "etcdCAKey", "etcdAPIClientCert", "etcdAPIClientKey", "caCert", "caKey", "clientCert", "clientKey",
	}
	machineBytes = []string{"password", "privateKey", "passPhrase"}
)

// valid refuses what the originals' types and strategies would.
func (a *api) valid(entry *object, place target) error {
	var faults []string
	switch a.groupPlural(place) {
	case clusters:
		spec := document(entry.Object)
		for _, path := range []string{"spec.tenantID", "spec.type", "spec.version"} {
			if spec.text(path) == "" {
				faults = append(faults, path+": required")
			}
		}
		for _, machine := range spec.list("spec.machines") {
			faults = append(faults, notBase64(machine, machineBytes)...)
		}
	case "platform.tkestack.io/clustercredentials":
		for _, path := range []string{"tenantID", "clusterName"} {
			if document(entry.Object).text(path) == "" {
				faults = append(faults, path+": required")
			}
		}
		faults = append(faults, notBase64(entry.Object, credentialBytes)...)
	}
	if _, err := json.Marshal(entry.Object); err != nil {
		faults = append(faults, err.Error())
	}
	return invalid(place, faults)
}

func invalid(place target, faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	status := errors.NewBadRequest(fmt.Sprintf("%s %s is invalid: %s", place.kind.name, place.name, strings.Join(faults, "; ")))
	status.ErrStatus.Code, status.ErrStatus.Reason = http.StatusUnprocessableEntity, metav1.StatusReasonInvalid
	return status
}

func notBase64(from document, names []string) []string {
	var faults []string
	for _, name := range names {
		if value, ok := from[name]; ok && value != nil {
			text, isText := value.(string)
			if _, err := base64.StdEncoding.DecodeString(text); !isText || err != nil {
				faults = append(faults, name+": not in base64")
			}
		}
	}
	return faults
}
