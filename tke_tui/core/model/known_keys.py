"""Keys that are no part of the models but that real documents carry."""

from __future__ import annotations

ACCEPTED = {
    "Config.auth.oidc.issueURL": "issuerURL",
    "cluster.spec.machines[].privatePassword": "passPhrase",
}
"""Path patterns of misspelt keys that the original's web page sent, with the key they mean in the same object."""

SYNONYMS = {
    "user": "username",
    "login": "username",
    "pass": "password",
    "passwd": "password",
    "pwd": "password",
    "key": "privateKey",
    "sshkey": "privateKey",
    "host": "ip",
    "hostname": "ip",
    "address": "ip",
    "endpoint": "url",
    "podcidr": "clusterCIDR",
    "podsubnet": "clusterCIDR",
    "servicesubnet": "serviceCIDR",
    "kubernetesversion": "version",
    "nodes": "machines",
    "masters": "machines",
    "hosts": "machines",
    "interface": "networkDevice",
    "tls": "cert",
    "crt": "certificate",
}
"""What people write (lower case) and the key that they mean. Not accepted, only suggested."""

LATER = {
    "Config.application": "1.4",
    "Config.registry.tke.harborEnabled": "1.5",
    "Config.registry.tke.harborCAFile": "1.5",
    "Config.mesh": "1.6",
    "Config.monitor.thanos": "1.6",
    "Config.audit.elasticSearch.index": "1.6",
    "Config.registry.tke.storage": "1.8",
    "Config.expansionApps": "1.9.2",
    "Config.platformApps": "1.9.2",
    "Config.monitor.influxDB.local.retentionDays": "1.9.2",
    "cluster.spec.features.enableMetricsServer": "1.9.2",
    "cluster.spec.features.enableCilium": "1.7",
    "cluster.spec.features.containerRuntime": "1.8",
    "cluster.spec.features.IPv6DualStack": "1.5",
    "cluster.spec.features.ipv6DualStack": "1.5",
    "cluster.spec.features.upgrade": "1.5",
    "cluster.spec.scalingMachines": "1.5",
}
"""Path patterns of keys of later versions of the original, with the version that brought them."""

IGNORED = frozenset(
    f"cluster.metadata.{name}"
    for name in (
        "namespace",
        "generateName",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "ownerReferences",
        "finalizers",
        "managedFields",
    )
)
"""Path patterns of keys that an API server adds to every object; they mean nothing in an input."""
