// metrics-server stands in for metrics-server (image metrics-server:v0.3.6).
//
// Like the real one it asks every kubelet for its summary and serves the metrics.k8s.io/v1beta1 API over HTTPS, so
// that the APIService becomes Available and `kubectl top` shows true figures. Unlike it, it serves JSON only, and
// it trusts whoever the API server's front proxy certificate vouches for without asking about their rights again.
// Flags it does not know are accepted and passed over.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/ioutil"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	certutil "k8s.io/client-go/util/cert"
)

type options struct {
	port         int
	resolution   time.Duration
	clientCA     string
	allowedNames []string
	addressTypes []string
	insecure     bool
}

func main() {
	var opts options
	flags := pflag.CommandLine
	flags.ParseErrorsWhitelist.UnknownFlags = true
	flags.IntVar(&opts.port, "secure-port", 443, "port to serve HTTPS on")
	flags.DurationVar(&opts.resolution, "metric-resolution", time.Minute, "time between two rounds of questions")
	flags.StringVar(&opts.clientCA, "requestheader-client-ca-file", "", "CA of the front proxy's certificate")
	flags.StringSliceVar(&opts.allowedNames, "requestheader-allowed-names", nil, "names the front proxy may have")
	flags.StringSliceVar(&opts.addressTypes, "kubelet-preferred-address-types",
		[]string{"InternalIP", "Hostname", "ExternalIP"}, "kinds of node addresses, the best first")
	flags.BoolVar(&opts.insecure, "kubelet-insecure-tls", false, "do not verify the kubelets' certificates")
	pflag.Parse()
	if err := run(opts); err != nil {
		log.Fatal(err)
	}
}

func run(opts options) error {
	settings, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(settings)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	nodes, pods := factory.Core().V1().Nodes(), factory.Core().V1().Pods()
	known := []cache.InformerSynced{nodes.Informer().HasSynced, pods.Informer().HasSynced}
	collector, err := newCollector(opts, settings, nodes.Lister())
	if err != nil {
		return err
	}
	factory.Start(wait.NeverStop)
	if !cache.WaitForCacheSync(wait.NeverStop, known...) {
		return fmt.Errorf("the lists of nodes and pods could not be read")
	}
	go wait.Forever(collector.round, opts.resolution)

	security, err := tlsConfig(opts)
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr:      net.JoinHostPort("", strconv.Itoa(opts.port)),
		Handler:   &api{collector: collector, nodes: nodes.Lister(), pods: pods.Lister(), opts: opts},
		TLSConfig: security,
	}
	log.Printf("metrics-server stand-in on %s, every %v", server.Addr, opts.resolution)
	return server.ListenAndServeTLS("", "")
}

// tlsConfig has a certificate made for this run: the APIService does not verify it.
func tlsConfig(opts options) (*tls.Config, error) {
	certificate, key, err := certutil.GenerateSelfSignedCertKey("metrics-server.kube-system.svc", nil, nil)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	if opts.clientCA == "" {
		return conf, nil
	}
	text, err := ioutil.ReadFile(opts.clientCA)
	if err != nil {
		return nil, err
	}
	conf.ClientCAs = x509.NewCertPool()
	if !conf.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", opts.clientCA)
	}
	conf.ClientAuth = tls.VerifyClientCertIfGiven
	return conf, nil
}
