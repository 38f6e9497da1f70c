package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
	metrics "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

const (
	kubeletPort    = "10250"
	kubeletTimeout = 10 * time.Second
)

// collector holds the last answer of every kubelet.
type collector struct {
	nodes        listers.NodeLister
	client       *http.Client
	addressTypes []string
	window       time.Duration

	lock    sync.RWMutex
	nodeUse map[string]metrics.NodeMetrics
	podUse  map[string]map[string]metrics.PodMetrics
}

func newCollector(opts options, settings *rest.Config, nodes listers.NodeLister) (*collector, error) {
	kubelet := rest.CopyConfig(settings)
	if opts.insecure {
		kubelet.TLSClientConfig = rest.TLSClientConfig{Insecure: true}
	}
	transport, err := rest.TransportFor(kubelet)
	if err != nil {
		return nil, err
	}
	return &collector{
		nodes:        nodes,
		client:       &http.Client{Transport: transport, Timeout: kubeletTimeout},
		addressTypes: opts.addressTypes,
		window:       opts.resolution,
		nodeUse:      map[string]metrics.NodeMetrics{},
		podUse:       map[string]map[string]metrics.PodMetrics{},
	}, nil
}

// round asks every node once, all at the same time. A node that does not answer has no figures until it does.
func (c *collector) round() {
	nodes, err := c.nodes.List(labels.Everything())
	if err != nil {
		log.Printf("list nodes: %v", err)
		return
	}
	nodeUse := map[string]metrics.NodeMetrics{}
	podUse := map[string]map[string]metrics.PodMetrics{}
	var lock sync.Mutex
	var group sync.WaitGroup
	for _, node := range nodes {
		node := node
		group.Add(1)
		go func() {
			defer group.Done()
			summary, err := c.ask(node)
			if err != nil {
				log.Printf("node %s: %v", node.Name, err)
				return
			}
			lock.Lock()
			defer lock.Unlock()
			c.note(node, summary, nodeUse, podUse)
		}()
	}
	group.Wait()
	c.lock.Lock()
	defer c.lock.Unlock()
	c.nodeUse, c.podUse = nodeUse, podUse
}

func (c *collector) ask(node *v1.Node) (*stats.Summary, error) {
	address := c.address(node)
	if address == "" {
		return nil, fmt.Errorf("it has no address of the kinds %v", c.addressTypes)
	}
	url := "https://" + net.JoinHostPort(address, kubeletPort) + "/stats/summary?only_cpu_and_memory=true"
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	summary := &stats.Summary{}
	return summary, json.NewDecoder(response.Body).Decode(summary)
}

func (c *collector) address(node *v1.Node) string {
	for _, kind := range c.addressTypes {
		for _, candidate := range node.Status.Addresses {
			if string(candidate.Type) == kind {
				return candidate.Address
			}
		}
	}
	return ""
}

func (c *collector) note(
	node *v1.Node,
	summary *stats.Summary,
	nodeUse map[string]metrics.NodeMetrics,
	podUse map[string]map[string]metrics.PodMetrics,
) {
	window, now := metav1.Duration{Duration: c.window}, metav1.Now()
	nodeUse[node.Name] = metrics.NodeMetrics{
		TypeMeta:   metav1.TypeMeta{Kind: "NodeMetrics", APIVersion: groupVersion},
		ObjectMeta: metav1.ObjectMeta{Name: node.Name, CreationTimestamp: now},
		Timestamp:  now,
		Window:     window,
		Usage:      usage(summary.Node.CPU, summary.Node.Memory),
	}
	for _, pod := range summary.Pods {
		containers := []metrics.ContainerMetrics{}
		for _, container := range pod.Containers {
			use := usage(container.CPU, container.Memory)
			containers = append(containers, metrics.ContainerMetrics{Name: container.Name, Usage: use})
		}
		if podUse[pod.PodRef.Namespace] == nil {
			podUse[pod.PodRef.Namespace] = map[string]metrics.PodMetrics{}
		}
		podUse[pod.PodRef.Namespace][pod.PodRef.Name] = metrics.PodMetrics{
			TypeMeta: metav1.TypeMeta{Kind: "PodMetrics", APIVersion: groupVersion},
			ObjectMeta: metav1.ObjectMeta{
				Name: pod.PodRef.Name, Namespace: pod.PodRef.Namespace, CreationTimestamp: now,
			},
			Timestamp:  now,
			Window:     window,
			Containers: containers,
		}
	}
}

func usage(cpu *stats.CPUStats, memory *stats.MemoryStats) v1.ResourceList {
	var nanoCores, bytes uint64
	if cpu != nil && cpu.UsageNanoCores != nil {
		nanoCores = *cpu.UsageNanoCores
	}
	if memory != nil && memory.WorkingSetBytes != nil {
		bytes = *memory.WorkingSetBytes
	}
	return v1.ResourceList{
		v1.ResourceCPU:    *resource.NewScaledQuantity(int64(nanoCores), resource.Nano),
		v1.ResourceMemory: *resource.NewQuantity(int64(bytes), resource.BinarySI),
	}
}

func (c *collector) node(name string) (metrics.NodeMetrics, bool) {
	c.lock.RLock()
	defer c.lock.RUnlock()
	found, ok := c.nodeUse[name]
	return found, ok
}

func (c *collector) pod(namespace, name string) (metrics.PodMetrics, bool) {
	c.lock.RLock()
	defer c.lock.RUnlock()
	found, ok := c.podUse[namespace][name]
	return found, ok
}
