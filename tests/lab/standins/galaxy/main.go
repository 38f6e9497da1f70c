// galaxy stands in for the node daemon of Galaxy (image galaxy:v1.0.4).
//
// The real one answers galaxy-sdn over a socket and chooses a network per pod. Here galaxy-sdn does its work
// alone, so this program only stays alive, accepts the real one's flags, and logs.
package main

import (
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	flag.Bool("logtostderr", false, "accepted; this program always logs to standard error")
	verbosity := flag.Int("v", 0, "accepted and logged")
	flag.Parse()
	log.Printf("galaxy stand-in on node %q, verbosity %d: pod networks are made by galaxy-sdn", os.Getenv("MY_NODE_NAME"), *verbosity)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	log.Printf("%v: leaving", <-stop)
}
