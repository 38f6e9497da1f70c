package main

import (
	"errors"
	"fmt"
	"io/ioutil"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml"
	"sigs.k8s.io/yaml"
)

// checker reads the configuration and gathers every fault, so that one look at the log shows them all.
type checker struct {
	name   string
	opts   options
	conf   *toml.Tree
	faults []string
	// later are questions to other servers, asked when the files are in order.
	later []func() error
}

func (c *checker) after(reach func() error) {
	c.later = append(c.later, reach)
}

func newChecker(name string, opts options) (*checker, error) {
	if opts.config == "" {
		return nil, errors.New("no configuration: start it with -C=<file>")
	}
	text, err := ioutil.ReadFile(opts.config)
	if err != nil {
		return nil, err
	}
	conf, err := toml.LoadBytes(text)
	if err != nil {
		return nil, fmt.Errorf("%s is no TOML: %v", opts.config, err)
	}
	check := &checker{name: name, opts: opts, conf: conf}
	check.rendered(opts.config, text)
	return check, nil
}

func (c *checker) err() error {
	if len(c.faults) == 0 {
		return nil
	}
	return errors.New(strings.Join(c.faults, "\n"))
}

func (c *checker) fault(format string, values ...interface{}) {
	c.faults = append(c.faults, fmt.Sprintf(format, values...))
}

// rendered finds what a template leaves behind when a value was not given.
func (c *checker) rendered(path string, text []byte) {
	for _, trace := range []string{"<no value>", "{{", "{%"} {
		if strings.Contains(string(text), trace) {
			c.fault("%s holds %q: a value of its template is missing", path, trace)
		}
	}
}

func (c *checker) has(key string) bool {
	return c.conf.Has(key)
}

// text is a required key with a text that is not empty.
func (c *checker) text(key string) string {
	value, ok := c.conf.Get(key).(string)
	if !ok || value == "" {
		c.fault("%s: %s is missing, empty or no text", c.opts.config, key)
	}
	return value
}

// optional is a key that may be absent or empty, but must be a text.
func (c *checker) optional(key string) string {
	if !c.has(key) {
		return ""
	}
	value, ok := c.conf.Get(key).(string)
	if !ok {
		c.fault("%s: %s is no text", c.opts.config, key)
	}
	return value
}

// words is a required list of texts with at least one.
func (c *checker) words(key string) []string {
	var found []string
	list, _ := c.conf.Get(key).([]interface{})
	for _, entry := range list {
		if text, ok := entry.(string); ok && text != "" {
			found = append(found, text)
		}
	}
	if len(found) == 0 || len(found) != len(list) {
		c.fault("%s: %s is no list of texts with at least one", c.opts.config, key)
	}
	return found
}

func (c *checker) number(key string) int {
	value, ok := c.conf.Get(key).(int64)
	if !ok {
		c.fault("%s: %s is missing or no number", c.opts.config, key)
	}
	return int(value)
}

func (c *checker) boolean(key string) {
	if _, ok := c.conf.Get(key).(bool); !ok {
		c.fault("%s: %s is missing or neither true nor false", c.opts.config, key)
	}
}

func (c *checker) equal(key, value string) {
	if found := c.text(key); found != "" && found != value {
		c.fault("%s: %s is %q, not %q", c.opts.config, key, found, value)
	}
}

// file is the content of the file that a required key names.
func (c *checker) file(key string) []byte {
	path := c.text(key)
	if path == "" {
		return nil
	}
	return c.read(path, key)
}

func (c *checker) read(path, why string) []byte {
	text, err := ioutil.ReadFile(path)
	if err != nil {
		c.fault("%s: %v", why, err)
		return nil
	}
	if len(text) == 0 {
		c.fault("%s: %s is empty", why, path)
	}
	return text
}

// full are the files of a directory that match; there must be one. Kubernetes' own entries begin with two dots.
func (c *checker) full(directory, pattern string) []string {
	var found []string
	matches, _ := filepath.Glob(filepath.Join(directory, pattern))
	for _, match := range matches {
		entry, err := os.Stat(match)
		if err == nil && !entry.IsDir() && !strings.HasPrefix(filepath.Base(match), "..") {
			found = append(found, match)
		}
	}
	if len(found) == 0 {
		c.fault("%s: nothing matches %s", directory, pattern)
	}
	return found
}

// address is a URL with a scheme of http or https and a host.
func (c *checker) address(text, why string) *url.URL {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http" {
		c.fault("%s: %q is no http or https URL", why, text)
		return &url.URL{}
	}
	return parsed
}

// document is a YAML or JSON object.
type document map[string]interface{}

// document is the YAML file that a required key names, of this kind and version when they are given.
func (c *checker) document(key, apiVersion, kind string) document {
	path := c.text(key)
	if path == "" {
		return nil
	}
	return c.readDocument(path, apiVersion, kind)
}

func (c *checker) readDocument(path, apiVersion, kind string) document {
	text := c.read(path, "document")
	if text == nil {
		return nil
	}
	c.rendered(path, text)
	var found document
	if err := yaml.UnmarshalStrict(text, &found); err != nil {
		c.fault("%s is no YAML: %v", path, err)
		return nil
	}
	if kind != "" && (found.text("kind") != kind || found.text("apiVersion") != apiVersion) {
		c.fault("%s is a %q of %q, not a %s of %s", path, found.text("kind"), found.text("apiVersion"), kind, apiVersion)
	}
	return found
}

func (d document) get(path string) interface{} {
	var value interface{} = map[string]interface{}(d)
	for _, name := range strings.Split(path, ".") {
		object, ok := value.(map[string]interface{})
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

func (d document) text(path string) string {
	value, _ := d.get(path).(string)
	return value
}

func (d document) list(path string) []document {
	var found []document
	entries, _ := d.get(path).([]interface{})
	for _, entry := range entries {
		if object, ok := entry.(map[string]interface{}); ok {
			found = append(found, object)
		}
	}
	return found
}

// required is a text of a document that must be there.
func (c *checker) required(d document, path, where string) string {
	value := d.text(path)
	if value == "" {
		c.fault("%s: %s is missing, empty or no text", where, path)
	}
	return value
}
