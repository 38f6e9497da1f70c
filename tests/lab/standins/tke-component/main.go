// tke-component stands in for every component of the TKE platform under the component's own name (argv[0]):
// tke-<x>-api, tke-<x>-controller and tke-gateway. It is started as the original is, with -C=<config>.toml, reads
// the mounted configuration, and ends with exit code 1 and one line per fault when the original could not work with
// it: a file or key is missing, a document does not parse, a certificate does not chain or lacks a name, etcd, the
// identity provider or a store does not answer. Then it serves: an API its group's discovery and objects kept in
// etcd, the registry real images (Debian's docker-registry), the gateway its routes; a controller only /healthz.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

type options struct {
	config       string
	auditPolicy  string
	auditWebhook string
}

// appDirectory is where the images of the originals have their files; tests move it.
var appDirectory = setting("TKE_COMPONENT_APP", "/app")

// patience is how long other servers may take to answer before the component gives up and is started anew.
var patience = duration(setting("TKE_COMPONENT_PATIENCE", "30s"))

func main() {
	// Its container may use a tenth of a processor: more threads only wait for each other.
	runtime.GOMAXPROCS(1)
	name := filepath.Base(os.Args[0])
	log.SetPrefix(name + ": ")
	log.SetFlags(log.LstdFlags | log.LUTC | log.Lmsgprefix)
	part, ok := components[name]
	if !ok {
		log.Fatalf("no component of this name; there are %s", strings.Join(names(), ", "))
	}
	var opts options
	pflag.StringVarP(&opts.config, "config", "C", "", "configuration file (TOML)")
	pflag.StringVar(&opts.auditPolicy, "audit-policy-file", "", "which requests are audited")
	pflag.StringVar(&opts.auditWebhook, "audit-webhook-config-file", "", "where audit events go")
	pflag.Parse()
	if err := run(name, part, opts); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			log.Printf("fatal: %s", line)
		}
		os.Exit(1)
	}
}

func run(name string, part component, opts options) error {
	check, err := newChecker(name, opts)
	if err != nil {
		return err
	}
	server := part.prepare(check, part)
	if err := check.err(); err != nil {
		return err
	}
	log.Printf("configuration %s is in order", opts.config)
	for _, reach := range check.later {
		if err := reach(); err != nil {
			return err
		}
	}
	return server.serve()
}

func names() []string {
	var found []string
	for name := range components {
		found = append(found, name)
	}
	sort.Strings(found)
	return found
}

// eventually repeats an attempt until it succeeds or patience is at its end.
func eventually(what string, attempt func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := attempt()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: %v (tried for %v)", what, err, patience)
		}
		time.Sleep(time.Second)
	}
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func duration(text string) time.Duration {
	value, err := time.ParseDuration(text)
	if err != nil {
		log.Fatalf("%s: %v", text, err)
	}
	return value
}
