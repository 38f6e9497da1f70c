package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"go.etcd.io/etcd/clientv3"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const watchSeconds = 1800

type event struct {
	Type   string      `json:"type"`
	Object interface{} `json:"object"`
}

// watch streams changes after the request's resourceVersion; without one, what is there first.
func (a *api) watch(writer http.ResponseWriter, request *http.Request, place target) {
	chosen, err := selection(request)
	if err != nil {
		fail(writer, err)
		return
	}
	query := request.URL.Query()
	seconds, err := strconv.Atoi(query.Get("timeoutSeconds"))
	if err != nil || seconds <= 0 {
		seconds = watchSeconds
	}
	ctx, cancel := context.WithTimeout(request.Context(), time.Duration(seconds)*time.Second)
	defer cancel()
	revision, _ := strconv.ParseInt(query.Get("resourceVersion"), 10, 64)
	var present []*object
	if revision == 0 {
		if present, revision, err = a.store.list(ctx, place.key()); err != nil {
			fail(writer, err)
			return
		}
	}
	flusher, ok := writer.(http.Flusher)
	if !ok {
		fail(writer, errors.NewInternalError(errorf("the connection cannot stream")))
		return
	}
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(http.StatusOK)
	flusher.Flush()
	lines := json.NewEncoder(writer)
	send := func(kind string, entry *object) {
		if chosen(entry) {
			lines.Encode(event{kind, shape(request, entry).Object})
		}
	}
	for _, entry := range present {
		send("ADDED", entry)
	}
	flusher.Flush()
	changes := a.store.client.Watch(
		clientv3.WithRequireLeader(ctx), a.store.prefix+place.key(),
		clientv3.WithPrefix(), clientv3.WithRev(revision+1), clientv3.WithPrevKV())
	for batch := range changes {
		if err := batch.Err(); err != nil {
			gone := errors.NewResourceExpired(err.Error()).ErrStatus
			gone.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
			lines.Encode(event{"ERROR", gone})
			return
		}
		for _, change := range batch.Events {
			kind, value := "MODIFIED", change.Kv
			if change.Type == clientv3.EventTypeDelete {
				kind, value = "DELETED", change.PrevKv
			} else if change.IsCreate() {
				kind = "ADDED"
			}
			if value == nil {
				continue
			}
			if entry, err := decode(value.Value, change.Kv.ModRevision); err == nil {
				send(kind, entry)
			}
		}
		flusher.Flush()
	}
}
