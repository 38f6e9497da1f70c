"""Where Kubernetes 1.20 differs from the release whose models kubernetes-asyncio has (36: Kubernetes 1.36).

Fact: the OpenAPI document of a kube-apiserver v1.20.2, with which a contract test compares what is made of this.
"""

from __future__ import annotations

NEWER: dict[str, str] = {
    "V1CSIDriverSpec": (
        "nodeAllocatableUpdatePeriodSeconds preventPodSchedulingIfMissing seLinuxMount "
        "serviceAccountTokenInSecrets"
    ),
    "V1CSIPersistentVolumeSource": "nodeExpandSecretRef",
    "V1CertificateSigningRequestSpec": "expirationSeconds",
    "V1Container": "resizePolicy restartPolicy restartPolicyRules",
    "V1ContainerStatus": "allocatedResources allocatedResourcesStatus resources stopSignal user volumeMounts",
    "V1CronJobSpec": "timeZone",
    "V1CronJobStatus": "lastSuccessfulTime",
    "V1CustomResourceDefinitionCondition": "observedGeneration",
    "V1CustomResourceDefinitionStatus": "observedGeneration",
    "V1CustomResourceDefinitionVersion": "selectableFields",
    "V1DeploymentStatus": "terminatingReplicas",
    "V1Endpoint": "deprecatedTopology hints zone",
    "V1EnvVarSource": "fileKeyRef",
    "V1EphemeralContainer": "resizePolicy restartPolicy restartPolicyRules",
    "V1JSONSchemaProps": "x-kubernetes-validations",
    "V1JobSpec": (
        "backoffLimitPerIndex completionMode managedBy maxFailedIndexes podFailurePolicy "
        "podReplacementPolicy successPolicy suspend"
    ),
    "V1JobStatus": "completedIndexes failedIndexes ready terminating uncountedTerminatedPods",
    "V1LeaseSpec": "preferredHolder strategy",
    "V1IngressClassParametersReference": "namespace scope",
    "V1Lifecycle": "stopSignal",
    "V1LifecycleHandler": "sleep",
    "V1LoadBalancerIngress": "ipMode",
    "V1ManagedFieldsEntry": "subresource",
    "V1MutatingWebhook": "matchConditions",
    "V1NetworkPolicyPort": "endPort",
    "V1NodeStatus": "declaredFeatures features runtimeHandlers",
    "V1NodeSystemInfo": "swap",
    "V1PersistentVolumeClaimSpec": "dataSourceRef volumeAttributesClassName",
    "V1PersistentVolumeClaimStatus": (
        "allocatedResourceStatuses allocatedResources currentVolumeAttributesClassName modifyVolumeStatus"
    ),
    "V1PersistentVolumeSpec": "volumeAttributesClassName",
    "V1PersistentVolumeStatus": "lastPhaseTransitionTime",
    "V1PodAffinityTerm": "matchLabelKeys mismatchLabelKeys namespaceSelector",
    "V1PodCondition": "observedGeneration",
    "V1PodDisruptionBudgetSpec": "unhealthyPodEvictionPolicy",
    "V1PodDisruptionBudgetStatus": "conditions",
    "V1PodSecurityContext": "appArmorProfile seLinuxChangePolicy supplementalGroupsPolicy",
    "V1PodSpec": "hostUsers hostnameOverride os resourceClaims resources schedulingGates schedulingGroup",
    "V1PodStatus": (
        "allocatedResources extendedResourceClaimStatus hostIPs nodeAllocatableResourceClaimStatuses "
        "observedGeneration resize resourceClaimStatuses resources"
    ),
    "V1Probe": "grpc terminationGracePeriodSeconds",
    "V1ReplicaSetStatus": "terminatingReplicas",
    "V1ResourceRequirements": "claims",
    "V1RollingUpdateDaemonSet": "maxSurge",
    "V1RollingUpdateStatefulSetStrategy": "maxUnavailable",
    "V1SecurityContext": "appArmorProfile",
    "V1ServiceSpec": "internalTrafficPolicy loadBalancerClass trafficDistribution",
    "V1StatefulSetSpec": "minReadySeconds ordinals persistentVolumeClaimRetentionPolicy",
    "V1StatefulSetStatus": "availableReplicas",
    "V1TopologySpreadConstraint": "matchLabelKeys minDomains nodeAffinityPolicy nodeTaintsPolicy",
    "V1ValidatingWebhook": "matchConditions",
    "V1Volume": "image",
    "V1VolumeError": "errorCode",
    "V1VolumeMount": "recursiveReadOnly",
    "V1VolumeProjection": "clusterTrustBundle podCertificate",
    "V1WindowsSecurityContextOptions": "hostProcess",
}
"""Model -> JSON names of fields that 1.20 does not have."""

GONE: dict[str, dict[str, str]] = {
    "V1EphemeralVolumeSource": {"readOnly": "bool"},
    "V1ObjectMeta": {"clusterName": "str"},
    "V1ServiceSpec": {"topologyKeys": "list[str]"},
    "V1Endpoint": {"topology": "dict(str, str)"},
}
"""Model -> JSON names of fields that only 1.20 has, and their types."""

REQUIRED: dict[str, str] = {
    "V1ContainerImage": "names",
    "V1CronJob": "",
    "V1EndpointSlice": "addressType endpoints",
    "V1HTTPIngressPath": "backend",
    "V1HorizontalPodAutoscaler": "",
    "V1HostAlias": "",
    "V1NetworkPolicySpec": "podSelector",
    "V1PodDisruptionBudgetStatus": "currentHealthy desiredHealthy disruptionsAllowed expectedPods",
    "V1PodIP": "",
    "V1PriorityClass": "value",
    "V1RoleRef": "apiGroup kind name",
    "V1StatefulSetSpec": "selector serviceName template",
}
"""Model -> JSON names of all required fields, where 1.20 asks for others."""

MODELS: dict[tuple[str, str], str] = {
    ("batch/v1beta1", "CronJob"): "V1CronJob",
    ("discovery.k8s.io/v1beta1", "EndpointSlice"): "V1EndpointSlice",
    ("policy/v1beta1", "PodDisruptionBudget"): "V1PodDisruptionBudget",
    ("v1", "Event"): "CoreV1Event",
}
"""Kinds whose model is not called after version and kind. There is none of PodSecurityPolicy any more."""

_BY_TYPE = {"conditions": "merge type"}
MERGED: dict[str, dict[str, str]] = {
    "V1APIServiceStatus": _BY_TYPE,
    "V1CSINodeSpec": {"drivers": "merge name"},
    "V1Container": {
        "env": "merge name",
        "ports": "merge containerPort",
        "volumeDevices": "merge devicePath",
        "volumeMounts": "merge mountPath",
    },
    "V1DaemonSetStatus": _BY_TYPE,
    "V1DeploymentSpec": {"strategy": "retainKeys"},
    "V1DeploymentStatus": _BY_TYPE,
    "V1EphemeralContainer": {
        "env": "merge name",
        "volumeDevices": "merge devicePath",
        "volumeMounts": "merge mountPath",
    },
    "V1JobStatus": _BY_TYPE,
    "V1LabelSelectorRequirement": {"key": "merge key"},
    "V1MutatingWebhookConfiguration": {"webhooks": "merge name"},
    "V1NamespaceStatus": _BY_TYPE,
    "V1NodeSpec": {"podCIDRs": "merge"},
    "V1NodeStatus": {**_BY_TYPE, "addresses": "merge type"},
    "V1ObjectMeta": {"finalizers": "merge", "ownerReferences": "merge uid"},
    "V1PersistentVolumeClaimStatus": _BY_TYPE,
    "V1PodSpec": {
        "containers": "merge name",
        "ephemeralContainers": "merge name",
        "hostAliases": "merge ip",
        "imagePullSecrets": "merge name",
        "initContainers": "merge name",
        "topologySpreadConstraints": "merge topologyKey",
        "volumes": "merge,retainKeys name",
    },
    "V1PodStatus": {**_BY_TYPE, "podIPs": "merge ip"},
    "V1ReplicaSetStatus": _BY_TYPE,
    "V1ReplicationControllerStatus": _BY_TYPE,
    "V1ServiceAccount": {"secrets": "merge name"},
    "V1ServiceSpec": {"ports": "merge port"},
    "V1ServiceStatus": _BY_TYPE,
    "V1StatefulSetStatus": _BY_TYPE,
    "V1ValidatingWebhookConfiguration": {"webhooks": "merge name"},
}
"""Model -> JSON names of fields that a strategic patch merges: how, and by which key. `kubectl apply` goes by it."""
