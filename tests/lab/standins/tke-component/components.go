package main

// component is one program of the platform: where it listens, what it serves and how its configuration is checked.
type component struct {
	port    int
	group   string
	kinds   []kind
	prepare func(*checker, component) *server
	check   func(*checker)
}

// kind is one resource of an API group.
type kind struct {
	plural     string
	name       string
	namespaced bool
}

var components = map[string]component{
	"tke-auth-api": {9451, "auth.tkestack.io", []kind{
		{"configmaps", "ConfigMap", false}, {"identityproviders", "IdentityProvider", false},
		{"localidentities", "LocalIdentity", false}, {"localgroups", "LocalGroup", false},
		{"policies", "Policy", false}, {"roles", "Role", false},
	}, prepareAuth, checkAuthAPI},
	"tke-auth-controller": {9458, "", nil, prepareController, checkAuthController},
	"tke-audit-api":       {9461, "audit.tkestack.io", nil, prepareAudit, checkAuditAPI},
	"tke-platform-api": {9443, "platform.tkestack.io", []kind{
		{"configmaps", "ConfigMap", false}, {"clusters", "Cluster", false},
		{"clustercredentials", "ClusterCredential", false}, {"machines", "Machine", false},
	}, prepareAPI, checkPlatformAPI},
	"tke-platform-controller": {9445, "", nil, prepareController, checkPlatformController},
	"tke-registry-api": {9453, "registry.tkestack.io", []kind{
		{"configmaps", "ConfigMap", false}, {"namespaces", "Namespace", false},
		{"repositories", "Repository", true}, {"chartgroups", "ChartGroup", false},
	}, prepareRegistry, checkRegistryAPI},
	"tke-business-api": {9447, "business.tkestack.io", []kind{
		{"configmaps", "ConfigMap", false}, {"projects", "Project", false}, {"namespaces", "Namespace", true},
	}, prepareAPI, checkBusinessAPI},
	"tke-business-controller": {9449, "", nil, prepareController, checkBusinessController},
	"tke-monitor-api": {9455, "monitor.tkestack.io", []kind{
		{"configmaps", "ConfigMap", false}, {"prometheuses", "Prometheus", false},
	}, prepareAPI, checkMonitorAPI},
	"tke-monitor-controller": {9456, "", nil, prepareController, checkMonitorController},
	"tke-notify-api": {9457, "notify.tkestack.io", []kind{
		{"configmaps", "ConfigMap", false}, {"channels", "Channel", false}, {"receivers", "Receiver", false},
		{"templates", "Template", true}, {"messages", "Message", true},
	}, prepareAPI, checkNotifyAPI},
	"tke-notify-controller": {9459, "", nil, prepareController, checkNotifyController},
	"tke-logagent-api": {9999, "logagent.tkestack.io", []kind{
		{"configmaps", "ConfigMap", false}, {"logagents", "LogAgent", false},
	}, prepareAPI, checkLogagentAPI},
	"tke-logagent-controller": {9998, "", nil, prepareController, checkLogagentController},
	"tke-gateway":             {443, "", nil, prepareGateway, checkGateway},
}
