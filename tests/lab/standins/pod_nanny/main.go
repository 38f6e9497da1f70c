// pod_nanny stands in for addon-resizer (image addon-resizer:1.8.11).
//
// The real one sets the resources of a Deployment by the number of nodes. This one logs how it was started and
// stays alive; it changes nothing.
package main

import (
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	log.Printf("pod_nanny stand-in, started with %q: resources stay as they are", os.Args[1:])
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	log.Printf("%v: leaving", <-stop)
}
