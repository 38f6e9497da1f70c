package main

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	clusters = "platform.tkestack.io/clusters"
	finalize = "finalize"
)

// Fields of a cluster's spec that the original lets nobody change.
var immutable = []string{
	"type", "networkDevice", "clusterCIDR", "dnsDomain", "dockerExtraArgs", "kubeletExtraArgs",
	"apiServerExtraArgs", "controllerManagerExtraArgs", "schedulerExtraArgs",
}

// clusterChanged does to a cluster what the original's strategies do: another number of machines is an order to scale
// it, another version one to upgrade it. By the subresource finalize the spec is taken as it is and the status stays.
func clusterChanged(before, wished *object, place target) error {
	if place.subresource == finalize {
		wished.Object["status"] = before.DeepCopy().Object["status"]
		return nil
	}
	was, is := document(before.Object), document(wished.Object)
	var faults []string
	for _, name := range immutable {
		if path := "spec." + name; !same(was.get(path), is.get(path)) {
			faults = append(faults, path+": field is immutable")
		}
	}
	if err := invalid(place, faults); err != nil {
		return err
	}
	phase := ""
	if version := is.text("spec.version"); version != was.text("spec.version") && version != is.text("status.version") {
		phase = "Upgrading"
	}
	switch more := len(is.list("spec.machines")) - len(was.list("spec.machines")); {
	case more > 0:
		phase = "Upscaling"
	case more < 0:
		phase = "Downscaling"
	}
	if phase == "" {
		return nil
	}
	return unstructured.SetNestedField(wished.Object, phase, "status", "phase")
}

// same takes an empty value and none for the same.
func same(one, other interface{}) bool {
	return reflect.DeepEqual(one, other) || empty(one) && empty(other)
}

func empty(value interface{}) bool {
	text := fmt.Sprint(value)
	return value == nil || text == "" || text == "map[]" || text == "[]"
}
