// flanneld stands in for flannel (image flannel:v0.10.0) run with --kube-subnet-mgr.
//
// Like the real one it takes the pod network from /etc/kube-flannel/net-conf.json and its node's share from the
// node's podCIDR, writes /run/flannel/subnet.env for the CNI plugin, masquerades what leaves the pod network
// (--ip-masq), and follows the nodes that come and go. Whatever back end the configuration names, packets go the
// way of flannel's host-gw: a plain route to each other node's pods over that node's address. So the nodes must be
// in one layer 2 network, which the lab's are.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/ioutil"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const (
	netConf    = "/etc/kube-flannel/net-conf.json"
	subnetFile = "/run/flannel/subnet.env"
	// Routes of this program carry a protocol number of their own, so that it removes no one else's.
	routeProtocol = 201
	retryEvery    = 2 * time.Second
	resyncEvery   = time.Minute
)

type daemon struct {
	client  kubernetes.Interface
	node    string
	network *net.IPNet
	link    netlink.Link
	masq    bool
}

func main() {
	masq := flag.Bool("ip-masq", false, "masquerade traffic that leaves the pod network")
	subnets := flag.Bool("kube-subnet-mgr", false, "take subnets from the Kubernetes API; the only way known here")
	iface := flag.String("iface", "", "name or address of the interface that leads to the other nodes")
	flag.Parse()
	if !*subnets {
		log.Fatal("only --kube-subnet-mgr is known")
	}
	stop := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		log.Printf("%v: leaving", <-signals)
		close(stop)
	}()
	if err := run(*iface, *masq, stop); err != nil {
		log.Fatal(err)
	}
}

func run(iface string, masq bool, stop <-chan struct{}) error {
	network, err := readNetwork()
	if err != nil {
		return err
	}
	link, err := findLink(iface)
	if err != nil {
		return err
	}
	settings, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(settings)
	if err != nil {
		return err
	}
	d := &daemon{client: client, network: network, link: link, masq: masq}
	if err := wait.PollImmediateUntil(retryEvery, d.findNode, stop); err != nil {
		return nil
	}
	d.follow(stop)
	return nil
}

func readNetwork() (*net.IPNet, error) {
	text, err := ioutil.ReadFile(netConf)
	if err != nil {
		return nil, err
	}
	var conf struct {
		Network string
		Backend struct{ Type string }
	}
	if err := json.Unmarshal(text, &conf); err != nil {
		return nil, fmt.Errorf("%s: %v", netConf, err)
	}
	_, network, err := net.ParseCIDR(conf.Network)
	if err != nil {
		return nil, fmt.Errorf("%s: Network: %v", netConf, err)
	}
	log.Printf("pod network %s, back end asked for %q, used host-gw", network, conf.Backend.Type)
	return network, nil
}

// findLink gives the interface with that name or that address, or the one of the default route for "".
func findLink(iface string) (netlink.Link, error) {
	if iface == "" {
		routes, err := netlink.RouteGet(net.IPv4(192, 0, 2, 1))
		if err != nil || len(routes) == 0 {
			return nil, fmt.Errorf("no default route to find the interface by: %v", err)
		}
		return netlink.LinkByIndex(routes[0].LinkIndex)
	}
	address := net.ParseIP(iface)
	if address == nil {
		return netlink.LinkByName(iface)
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, candidate := range interfaces {
		addresses, err := candidate.Addrs()
		if err != nil {
			return nil, err
		}
		for _, found := range addresses {
			if network, ok := found.(*net.IPNet); ok && network.IP.Equal(address) {
				return netlink.LinkByIndex(candidate.Index)
			}
		}
	}
	return nil, fmt.Errorf("no interface of this machine has the address %s", iface)
}

// findNode learns the node's name from its own pod. The API may not be reachable yet, so it is asked again.
func (d *daemon) findNode() (bool, error) {
	namespace, name := os.Getenv("POD_NAMESPACE"), os.Getenv("POD_NAME")
	pod, err := d.client.CoreV1().Pods(namespace).Get(context.TODO(), name, metav1.GetOptions{})
	if err != nil {
		log.Printf("pod %s/%s: %v; asking again", namespace, name, err)
		return false, nil
	}
	d.node = pod.Spec.NodeName
	return true, nil
}

// follow applies the present nodes after every change, and once a minute against changes from outside.
func (d *daemon) follow(stop <-chan struct{}) {
	factory := informers.NewSharedInformerFactory(d.client, 0)
	nodes := factory.Core().V1().Nodes()
	changed := make(chan struct{}, 1)
	poke := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	nodes.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(interface{}) { poke() },
		UpdateFunc: func(before, after interface{}) { pokeIfMoved(before.(*v1.Node), after.(*v1.Node), poke) },
		DeleteFunc: func(interface{}) { poke() },
	})
	factory.Start(stop)
	if !cache.WaitForCacheSync(stop, nodes.Informer().HasSynced) {
		return
	}
	timer := time.NewTicker(resyncEvery)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-changed:
		case <-timer.C:
		}
		present, err := nodes.Lister().List(labels.Everything())
		if err == nil {
			err = d.apply(present)
		}
		if err != nil {
			log.Printf("%v; trying again", err)
			time.AfterFunc(retryEvery, poke)
		}
	}
}

func pokeIfMoved(before, after *v1.Node, poke func()) {
	if before.Spec.PodCIDR != after.Spec.PodCIDR || internalAddress(before) != internalAddress(after) {
		poke()
	}
}

func internalAddress(node *v1.Node) string {
	for _, address := range node.Status.Addresses {
		if address.Type == v1.NodeInternalIP {
			return address.Address
		}
	}
	return ""
}

func (d *daemon) apply(nodes []*v1.Node) error {
	wanted := map[string]net.IP{}
	var own *net.IPNet
	for _, node := range nodes {
		_, pods, err := net.ParseCIDR(node.Spec.PodCIDR)
		if err != nil {
			if node.Name == d.node {
				return fmt.Errorf("node %s has no podCIDR yet", d.node)
			}
			continue
		}
		if node.Name == d.node {
			own = pods
		} else if gateway := net.ParseIP(internalAddress(node)); gateway != nil {
			wanted[pods.String()] = gateway
		}
	}
	if own == nil {
		return fmt.Errorf("node %s is not among the %d nodes of the cluster", d.node, len(nodes))
	}
	if err := d.routes(wanted); err != nil {
		return err
	}
	if err := d.rules(own); err != nil {
		return err
	}
	return d.writeSubnet(own)
}

func (d *daemon) routes(wanted map[string]net.IP) error {
	filter := &netlink.Route{Protocol: routeProtocol}
	present, err := netlink.RouteListFiltered(netlink.FAMILY_V4, filter, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return fmt.Errorf("list routes: %v", err)
	}
	for i := range present {
		route := &present[i]
		if route.Dst == nil {
			continue
		}
		if _, ok := wanted[route.Dst.String()]; !ok {
			log.Printf("route to %s removed: its node is gone", route.Dst)
			if err := netlink.RouteDel(route); err != nil {
				return fmt.Errorf("delete route to %s: %v", route.Dst, err)
			}
		}
	}
	for cidr, gateway := range wanted {
		_, destination, _ := net.ParseCIDR(cidr)
		route := &netlink.Route{Dst: destination, Gw: gateway, LinkIndex: d.link.Attrs().Index, Protocol: routeProtocol}
		if err := netlink.RouteReplace(route); err != nil {
			return fmt.Errorf("route %s via %s: %v", cidr, gateway, err)
		}
	}
	return nil
}

// rules lets pod traffic through and gives what leaves the pod network the node's own address.
func (d *daemon) rules(own *net.IPNet) error {
	network := d.network.String()
	wanted := [][]string{
		{"filter", "FORWARD", "-s", network, "-j", "ACCEPT"},
		{"filter", "FORWARD", "-d", network, "-j", "ACCEPT"},
	}
	if d.masq {
		wanted = append(wanted,
			[]string{"nat", "POSTROUTING", "-s", network, "-d", network, "-j", "RETURN"},
			[]string{"nat", "POSTROUTING", "-s", network, "!", "-d", "224.0.0.0/4", "-j", "MASQUERADE"},
			[]string{"nat", "POSTROUTING", "!", "-s", network, "-d", own.String(), "-j", "RETURN"},
			[]string{"nat", "POSTROUTING", "!", "-s", network, "-d", network, "-j", "MASQUERADE"},
		)
	}
	for _, rule := range wanted {
		table, chain, match := rule[0], rule[1], rule[2:]
		if iptables(append([]string{"-t", table, "-C", chain}, match...)) == nil {
			continue
		}
		if err := iptables(append([]string{"-t", table, "-A", chain}, match...)); err != nil {
			return err
		}
	}
	return nil
}

func iptables(arguments []string) error {
	arguments = append([]string{"-w"}, arguments...)
	output, err := exec.Command("iptables", arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("iptables %s: %v: %s", strings.Join(arguments, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

func (d *daemon) writeSubnet(own *net.IPNet) error {
	length, _ := own.Mask.Size()
	first := own.IP.To4()
	text := fmt.Sprintf("FLANNEL_NETWORK=%s\nFLANNEL_SUBNET=%d.%d.%d.%d/%d\nFLANNEL_MTU=%d\nFLANNEL_IPMASQ=%t\n",
		d.network, first[0], first[1], first[2], first[3]+1, length, d.link.Attrs().MTU, d.masq)
	if present, err := ioutil.ReadFile(subnetFile); err == nil && string(present) == text {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(subnetFile), 0755); err != nil {
		return err
	}
	fresh := subnetFile + ".new"
	if err := ioutil.WriteFile(fresh, []byte(text), 0644); err != nil {
		return err
	}
	log.Printf("node %s has the subnet %s", d.node, own)
	return os.Rename(fresh, subnetFile)
}
