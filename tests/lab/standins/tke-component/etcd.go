package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"go.etcd.io/etcd/clientv3"
	"google.golang.org/grpc"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	dialTimeout = 5 * time.Second
	maxAttempts = 10
)

// store keeps the objects of one API in etcd as JSON; an object's resourceVersion is its key's revision.
type store struct {
	client *clientv3.Client
	prefix string
}

// etcd checks [etcd] and hands over the store once it has answered a question.
func (c *checker) etcd(ready func(*store)) {
	servers := c.words("etcd.servers")
	for _, server := range servers {
		if c.address(server, "etcd.servers").Scheme != "https" {
			c.fault("etcd.servers: %s is not https", server)
		}
	}
	pool := c.pool(c.file("etcd.cafile"), "etcd.cafile")
	pair := c.pair(c.file("etcd.certfile"), c.file("etcd.keyfile"), "[etcd]")
	c.chains(pair, pool, x509.ExtKeyUsageClientAuth, "etcd client certificate")
	settings := clientv3.Config{
		Endpoints: servers, DialTimeout: dialTimeout,
		DialKeepAliveTime: 30 * time.Second, DialKeepAliveTimeout: 10 * time.Second,
		DialOptions: []grpc.DialOption{grpc.WithBlock()},
		TLS:         &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}},
	}
	c.after(func() error {
		return eventually(fmt.Sprintf("etcd %v", servers), func() error {
			client, err := clientv3.New(settings)
			if err != nil {
				return err
			}
			found := &store{client: client, prefix: "/tke/" + c.name + "/"}
			if _, _, err := found.list(context.Background(), ""); err != nil {
				client.Close()
				return err
			}
			ready(found)
			return nil
		})
	})
}

// list is every object whose key starts so, and the revision at which that was true.
func (s *store) list(ctx context.Context, prefix string) ([]*unstructured.Unstructured, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	answer, err := s.client.Get(ctx, s.prefix+prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, 0, err
	}
	found := make([]*unstructured.Unstructured, 0, len(answer.Kvs))
	for _, entry := range answer.Kvs {
		object, err := decode(entry.Value, entry.ModRevision)
		if err != nil {
			return nil, 0, err
		}
		found = append(found, object)
	}
	return found, answer.Header.Revision, nil
}

// get is one object; nil when there is none.
func (s *store) get(ctx context.Context, key string) (*unstructured.Unstructured, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	answer, err := s.client.Get(ctx, s.prefix+key)
	if err != nil || len(answer.Kvs) == 0 {
		return nil, 0, err
	}
	object, err := decode(answer.Kvs[0].Value, answer.Kvs[0].ModRevision)
	return object, answer.Kvs[0].ModRevision, err
}

// change replaces an object by what the function makes of it (nil: there is none, or none shall be left) and repeats
// that when somebody else was faster. With dry nothing is written.
func (s *store) change(
	ctx context.Context, key string, dry bool, make func(*unstructured.Unstructured) (*unstructured.Unstructured, error),
) (*unstructured.Unstructured, error) {
	for attempt := 0; attempt < maxAttempts; attempt++ {
		before, revision, err := s.get(ctx, key)
		if err != nil {
			return nil, err
		}
		var given *unstructured.Unstructured
		if before != nil {
			given = before.DeepCopy()
		}
		after, err := make(given)
		if err != nil {
			return nil, err
		}
		if dry || before == nil && after == nil || equal(before, after) {
			return after, nil
		}
		written, done, err := s.write(ctx, key, revision, after)
		if err != nil || done {
			return written, err
		}
	}
	return nil, errors.NewConflict(schema.GroupResource{}, key, fmt.Errorf("others changed it %d times", maxAttempts))
}

func (s *store) write(ctx context.Context, key string, revision int64, object *unstructured.Unstructured) (*unstructured.Unstructured, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	place := s.prefix + key
	act := clientv3.OpDelete(place)
	if object != nil {
		stored := object.DeepCopy()
		stored.SetResourceVersion("")
		text, err := stored.MarshalJSON()
		if err != nil {
			return nil, false, err
		}
		act = clientv3.OpPut(place, string(text))
	}
	answer, err := s.client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(place), "=", revision)).Then(act).Commit()
	if err != nil || !answer.Succeeded {
		return nil, false, err
	}
	if object != nil {
		object.SetResourceVersion(fmt.Sprint(answer.Header.Revision))
	}
	return object, true, nil
}

func decode(text []byte, revision int64) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	object.SetResourceVersion(fmt.Sprint(revision))
	return object, nil
}
