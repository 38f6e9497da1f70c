package main

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// authServer is the platform's own identity provider, as the configurations name it.
const authServer = "tke-auth-api"

func checkAuthAPI(c *checker) {
	c.text("authentication.privileged_username")
	if c.has("authentication.oidc") {
		c.fault("%s: [authentication.oidc] makes tke-auth-api ask itself", c.opts.config)
	}
	c.directory("auth.assets_path")
	c.text("auth.init_client_id")
	c.text("auth.init_client_secret")
	for _, uri := range c.words("auth.init_client_redirect_uris") {
		if path := c.address(uri, "auth.init_client_redirect_uris").Path; path != "/callback" {
			c.fault("auth.init_client_redirect_uris: %s does not end in /callback", uri)
		}
	}
}

func checkAuthController(c *checker) {
	c.controls(c.peers("auth"))
	c.file("features.category_path")
	c.file("features.policy_path")
	c.text("features.tenant_admin")
	c.text("features.tenant_admin_secret")
}

func checkPlatformAPI(c *checker) {
	c.provider("csi-operator")
}

func checkPlatformController(c *checker) {
	c.controls(c.peers("platform"))
	c.images("registry.container_domain", "registry.container_namespace")
	c.monitorStorage()
	c.provider()
	c.full(filepath.Join(appDirectory, "provider/baremetal/res/linux-amd64"), "*.tar.gz")
}

func checkRegistryAPI(*checker) {}

func checkBusinessAPI(c *checker) {
	c.peers(append(c.maybe("registry", "auth"), "platform")...)
	c.text("features.initial_administrator_tenant")
	c.text("features.initial_administrator_user")
	c.boolean("features.sync_projects_with_namespaces")
}

func checkBusinessController(c *checker) {
	c.controls(c.peers("platform", "business"))
	c.peers(c.maybe("registry", "auth")...)
}

func checkMonitorAPI(c *checker) {
	c.peers("platform")
	c.monitorConfig()
}

func checkMonitorController(c *checker) {
	c.controls(c.peers("platform", "monitor"))
	c.peers(c.maybe("business")...)
	c.images("registry.container_domain", "registry.container_namespace")
	c.monitorConfig()
	c.monitorStorage()
}

func checkNotifyAPI(c *checker) {
	c.peers("platform")
}

func checkNotifyController(c *checker) {
	c.controls(c.peers("notify"))
}

func checkLogagentAPI(c *checker) {
	c.peers("platform")
}

func checkLogagentController(c *checker) {
	c.controls(c.peers("platform", "logagent"))
	c.peers(c.maybe("registry", "auth")...)
	c.images("features.domain", "features.namespace")
}

// controls says that the component cannot work without these servers.
func (c *checker) controls(peers []*remote) {
	c.after(func() error { return healthy(peers) })
}

// images are the two halves of the prefix of every image that the component starts.
func (c *checker) images(domain, namespace string) {
	c.text(domain)
	if name := c.text(namespace); strings.Contains(name, "/") {
		c.fault("%s: %s is %q", c.opts.config, namespace, name)
	}
}

func (c *checker) directory(key string) {
	path := c.text(key)
	if entry, err := os.Stat(path); path != "" && (err != nil || !entry.IsDir()) {
		c.fault("%s: %s is no directory", key, path)
	}
}

// provider checks what is mounted below the bare-metal provider's directory.
func (c *checker) provider(also ...string) {
	home := filepath.Join(appDirectory, "provider/baremetal")
	path := filepath.Join(home, "conf/config.yaml")
	if doc := c.readDocument(path, "", ""); doc != nil {
		if parts := strings.Split(c.required(doc, "registry.prefix", path), "/"); len(parts) != 2 {
			c.fault("%s: registry.prefix has %d parts, not domain/namespace", path, len(parts))
		}
		if ip := doc.text("registry.ip"); ip != "" && net.ParseIP(ip) == nil {
			c.fault("%s: registry.ip is %q", path, ip)
		}
		if client := c.required(doc, "platformAPIClientConfig", path); client != "" {
			if !filepath.IsAbs(client) {
				client = filepath.Join(appDirectory, client)
			}
			c.kubeconfig(client, true)
		}
		for _, key := range []string{"authzWebhook.endpoint", "audit.address"} {
			if address := doc.text(key); address != "" {
				c.address(address, path)
			}
		}
	}
	for _, name := range []string{"docker", "kubelet", "kubeadm"} {
		c.full(filepath.Join(home, "conf", name), "*")
	}
	for _, name := range append([]string{"gpu", "gpu-manager", "keepalived"}, also...) {
		for _, manifest := range c.full(filepath.Join(home, "manifests", name), "*") {
			c.read(manifest, name)
		}
	}
}

// monitorStorage are the two keys from which a controller configures the collectors; both may be empty.
func (c *checker) monitorStorage() {
	storage := c.optional("features.monitor_storage_type")
	if storage == "" {
		return
	}
	if storage != "influxdb" && storage != "elasticsearch" {
		c.fault("%s: features.monitor_storage_type is %q", c.opts.config, storage)
	}
	for _, address := range strings.Split(c.text("features.monitor_storage_addresses"), ",") {
		// The login follows the address: http://host:8086&u=name&p=password
		c.address(strings.SplitN(address, "&", 2)[0], "features.monitor_storage_addresses")
	}
}

func (c *checker) monitorConfig() {
	path := c.text("monitor_config")
	doc := c.document("monitor_config", "monitor.config.tkestack.io/v1", "MonitorConfiguration")
	influx, elastic := doc.list("storage.influxDB.servers"), doc.list("storage.elasticSearch.servers")
	if len(influx)+len(elastic) == 0 {
		c.fault("%s: storage names no server", path)
	}
	for _, entry := range influx {
		c.store(entry, path, "/ping")
	}
	for _, entry := range elastic {
		c.store(entry, path, "/")
	}
}

// store is a server with an address and perhaps a login; it must answer on a path.
func (c *checker) store(entry document, where, path string) *remote {
	address := c.required(entry, "address", where)
	c.address(address, where)
	server := newRemote(address, &tls.Config{})
	server.username, server.password = entry.text("username"), entry.text("password")
	c.after(func() error {
		return eventually(address, func() error {
			_, err := server.do(http.MethodGet, path, nil)
			return err
		})
	})
	return server
}

// identityProvider checks [authentication.oidc] and asks the provider who it is.
func (c *checker) identityProvider() {
	section := "authentication.oidc."
	c.text(section + "client_id")
	issuer := c.text(section + "issuer_url")
	parsed := c.address(issuer, section+"issuer_url")
	if issuer != "" && parsed.Scheme != "https" {
		c.fault("%sissuer_url: %s is not https", section, issuer)
	}
	security := &tls.Config{}
	if path := c.optional(section + "ca_file"); path != "" {
		security.RootCAs = c.pool(c.read(path, section+"ca_file"), path)
	}
	if parsed.Hostname() == authServer {
		c.text(section + "ca_file")
		c.text(section + "username_claim")
		if c.name == "tke-registry-api" {
			c.text(section + "token_review_path")
		} else {
			c.text(section + "groups_claim")
		}
		c.text(section + "tenantid_claim")
	}
	provider := newRemote(issuer, security)
	c.after(func() error {
		return eventually("identity provider", func() error {
			text, err := provider.do(http.MethodGet, "/.well-known/openid-configuration", nil)
			if err != nil {
				return err
			}
			var described struct {
				Issuer string `json:"issuer"`
			}
			if err := json.Unmarshal(text, &described); err != nil {
				return err
			}
			return sameIssuer(issuer, described.Issuer)
		})
	})
}
