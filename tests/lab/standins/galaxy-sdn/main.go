// galaxy-sdn stands in for the CNI plugin of Galaxy (image galaxy:v1.0.4).
//
// The real one asks the galaxy daemon. This one does what galaxy's default network "galaxy-flannel" comes to: it
// reads the subnet that flannel wrote to /run/flannel/subnet.env and has the plugin "bridge" (with "host-local"
// addresses, hairpin mode and a default route) attach the pod, then "portmap" when the pod has host ports.
// Its own configuration is of CNI 0.2.0, the plugins it calls are spoken to in 0.3.1.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/ioutil"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	subnetFile      = "/run/flannel/subnet.env"
	ownVersion      = "0.2.0"
	delegateVersion = "0.3.1"
	bridgeName      = "cni0"

	codeDecode   = 6
	codeTryLater = 11
	codeDelegate = 100
)

type config struct {
	CNIVersion    string `json:"cniVersion"`
	Name          string `json:"name"`
	RuntimeConfig struct {
		PortMappings []json.RawMessage `json:"portMappings"`
	} `json:"runtimeConfig"`
}

type subnet struct {
	address string
	mtu     int
}

// failure is a CNI error: printed as JSON on standard output, with exit code 1.
type failure struct {
	CNIVersion string `json:"cniVersion"`
	Code       uint   `json:"code"`
	Msg        string `json:"msg"`
	Details    string `json:"details,omitempty"`
}

func (f *failure) Error() string { return f.Msg }

func fail(code uint, format string, args ...interface{}) error {
	return &failure{CNIVersion: ownVersion, Code: code, Msg: "galaxy-sdn: " + fmt.Sprintf(format, args...)}
}

func main() {
	output, err := run(os.Getenv("CNI_COMMAND"))
	if err != nil {
		reported, ok := err.(*failure)
		if !ok {
			reported = &failure{CNIVersion: ownVersion, Code: codeDelegate, Msg: err.Error()}
		}
		json.NewEncoder(os.Stdout).Encode(reported)
		os.Exit(1)
	}
	os.Stdout.Write(output)
}

func run(command string) ([]byte, error) {
	if command == "VERSION" {
		return []byte(`{"cniVersion":"0.2.0","supportedVersions":["0.1.0","0.2.0"]}`), nil
	}
	input, err := ioutil.ReadAll(os.Stdin)
	if err != nil {
		return nil, fail(codeDecode, "standard input: %v", err)
	}
	var conf config
	if err := json.Unmarshal(input, &conf); err != nil {
		return nil, fail(codeDecode, "network configuration: %v", err)
	}
	if conf.Name == "" {
		conf.Name = "galaxy-flannel"
	}
	switch command {
	case "ADD":
		return add(conf)
	case "DEL":
		return nil, del(conf)
	}
	return nil, fail(4, "CNI_COMMAND %q is not known", command)
}

func add(conf config) ([]byte, error) {
	lease, err := readSubnet()
	if err != nil {
		return nil, err
	}
	result, err := delegate("bridge", bridge(conf, lease))
	if err != nil {
		return nil, err
	}
	if len(conf.RuntimeConfig.PortMappings) > 0 {
		if result, err = delegate("portmap", portmap(conf, result)); err != nil {
			return nil, err
		}
	}
	return downgrade(result)
}

// del gives back what there is to give back; a pod must be deletable even when flannel's file is gone.
func del(conf config) error {
	var first error
	if len(conf.RuntimeConfig.PortMappings) > 0 {
		_, first = delegate("portmap", portmap(conf, nil))
	}
	lease, err := readSubnet()
	if err != nil {
		return first
	}
	if _, err := delegate("bridge", bridge(conf, lease)); err != nil && first == nil {
		first = err
	}
	return first
}

func readSubnet() (subnet, error) {
	file, err := os.Open(subnetFile)
	if err != nil {
		return subnet{}, fail(codeTryLater, "flannel has given this node no subnet yet: %v", err)
	}
	defer file.Close()
	var found subnet
	for lines := bufio.NewScanner(file); lines.Scan(); {
		pair := strings.SplitN(strings.TrimSpace(lines.Text()), "=", 2)
		if len(pair) != 2 {
			continue
		}
		switch pair[0] {
		case "FLANNEL_SUBNET":
			found.address = pair[1]
		case "FLANNEL_MTU":
			if found.mtu, err = strconv.Atoi(pair[1]); err != nil {
				return subnet{}, fail(codeDecode, "%s: FLANNEL_MTU: %v", subnetFile, err)
			}
		}
	}
	if found.address == "" {
		return subnet{}, fail(codeTryLater, "%s has no FLANNEL_SUBNET", subnetFile)
	}
	return found, nil
}

func bridge(conf config, lease subnet) map[string]interface{} {
	return map[string]interface{}{
		"cniVersion":       delegateVersion,
		"name":             conf.Name,
		"type":             "bridge",
		"bridge":           bridgeName,
		"mtu":              lease.mtu,
		"hairpinMode":      true,
		"isDefaultGateway": true,
		"ipMasq":           false,
		"ipam": map[string]interface{}{
			"type":   "host-local",
			"ranges": [][]map[string]string{{{"subnet": network(lease.address)}}},
		},
	}
}

// network turns the subnet of flannel's file, which is its first address, into the network's own address.
func network(address string) string {
	slash := strings.LastIndex(address, "/")
	dot := strings.LastIndex(address, ".")
	if slash < 0 || dot < 0 || dot > slash {
		return address
	}
	last, err := strconv.Atoi(address[dot+1 : slash])
	if err != nil || last == 0 {
		return address
	}
	return address[:dot+1] + strconv.Itoa(last-1) + address[slash:]
}

func portmap(conf config, previous json.RawMessage) map[string]interface{} {
	chained := map[string]interface{}{
		"cniVersion":    delegateVersion,
		"name":          conf.Name,
		"type":          "portmap",
		"snat":          true,
		"runtimeConfig": map[string]interface{}{"portMappings": conf.RuntimeConfig.PortMappings},
	}
	if previous != nil {
		chained["prevResult"] = previous
	}
	return chained
}

// delegate runs another plugin with this one's environment, so container, namespace and interface stay the same.
func delegate(plugin string, conf map[string]interface{}) (json.RawMessage, error) {
	path := ""
	for _, directory := range filepath.SplitList(os.Getenv("CNI_PATH")) {
		candidate := filepath.Join(directory, plugin)
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() {
			path = candidate
			break
		}
	}
	if path == "" {
		return nil, fail(codeDelegate, "no plugin %s in CNI_PATH %q: are the CNI plugins installed?", plugin, os.Getenv("CNI_PATH"))
	}
	input, err := json.Marshal(conf)
	if err != nil {
		return nil, err
	}
	var output, problems bytes.Buffer
	command := exec.Command(path)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &output, &problems
	if err := command.Run(); err != nil {
		reported := &failure{}
		if json.Unmarshal(output.Bytes(), reported) == nil && reported.Msg != "" {
			reported.CNIVersion = ownVersion
			reported.Msg = plugin + ": " + reported.Msg
			return nil, reported
		}
		return nil, fail(codeDelegate, "%s: %v: %s", path, err, strings.TrimSpace(problems.String()))
	}
	return output.Bytes(), nil
}

// downgrade writes a 0.3.1 result in the words of 0.2.0.
func downgrade(result json.RawMessage) ([]byte, error) {
	var modern struct {
		IPs []struct {
			Version string `json:"version"`
			Address string `json:"address"`
			Gateway string `json:"gateway,omitempty"`
		} `json:"ips"`
		Routes []json.RawMessage `json:"routes,omitempty"`
		DNS    json.RawMessage   `json:"dns,omitempty"`
	}
	if err := json.Unmarshal(result, &modern); err != nil {
		return nil, fail(codeDecode, "result of a delegate: %v", err)
	}
	for _, ip := range modern.IPs {
		if ip.Version != "4" {
			continue
		}
		return json.Marshal(map[string]interface{}{
			"cniVersion": ownVersion,
			"ip4":        map[string]interface{}{"ip": ip.Address, "gateway": ip.Gateway, "routes": modern.Routes},
			"dns":        modern.DNS,
		})
	}
	return nil, fail(codeDelegate, "the delegates gave no IPv4 address: %s", result)
}
