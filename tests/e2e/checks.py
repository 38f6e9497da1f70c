"""What must hold of every cluster that an installation left behind, asked of the real components."""

from __future__ import annotations

import base64

from tests.e2e.harness import Site, dns_answer, node_command, root_password


def nodes_ready(site: Site, count: int) -> None:
    items = site.kubectl_json("get", "nodes")["items"]
    assert len(items) == count
    for node in items:
        conditions = {c["type"]: c["status"] for c in node["status"]["conditions"]}
        assert conditions["Ready"] == "True", node["metadata"]["name"]
        assert node["status"]["nodeInfo"]["kubeletVersion"] == "v1.20.2"
        assert "node-role.kubernetes.io/master" in node["metadata"]["labels"]


def system_pods_running(site: Site) -> None:
    # kubelet tells of a restarted static pod's readiness up to 90 s late.
    site.kubectl("wait", "pod", "--all", "-n", "kube-system", "--for=condition=Ready", "--timeout=180s")
    pods = site.kubectl_json("get", "pods", "-n", "kube-system")["items"]
    names = {pod["metadata"]["name"] for pod in pods}
    for expected in ("etcd-", "kube-apiserver-", "kube-controller-manager-", "kube-scheduler-", "kube-proxy-",
                     "coredns-", "flannel-", "galaxy-", "metrics-server-"):  # fmt: skip
        assert any(name.startswith(expected) for name in names), f"no {expected} pod among {sorted(names)}"
    assert not [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] != "Running"]


def marked(site: Site) -> None:
    site.kubectl("get", "configmap", "tke", "-n", "kube-system")


def dns_answers(site: Site) -> None:
    address = site.kubectl_json("get", "service", "kubernetes")["spec"]["clusterIP"]
    assert address in dns_answer(site)


def etcd_members(site: Site, count: int) -> None:
    """`etcdctl member list` inside the first machine's etcd container."""
    first = site.kubectl_json("get", "pods", "-n", "kube-system", "-l", "component=etcd")["items"][0]
    members = site.kubectl(
        "exec", "-n", "kube-system", first["metadata"]["name"], "--", "etcdctl",
        "--endpoints=https://127.0.0.1:2379", "--cacert=/etc/kubernetes/pki/etcd/ca.crt",
        "--cert=/etc/kubernetes/pki/etcd/server.crt", "--key=/etc/kubernetes/pki/etcd/server.key",
        "member", "list",
    )  # fmt: skip
    started = [line for line in members.splitlines() if ", started," in line]
    print(members)
    assert len(started) == count
    assert all(line.endswith("false") for line in started), "a member is still a learner"


def no_secret_in_files(site: Site, *texts: str) -> None:
    """The machines' password is nowhere in clear or base64: state, journal, logs, options, output."""
    password = root_password()
    for needle in (password, base64.b64encode(password.encode()).decode()):
        for path in site.files():
            assert needle.encode() not in path.read_bytes(), path
        for text in texts:
            assert needle not in text


def everything_private(site: Site) -> None:
    for path in site.root.rglob("*"):
        if "registry" not in path.relative_to(site.root).parts:
            assert path.stat().st_mode & 0o077 == 0, path


def credentials_are_private_on_node(number: int) -> None:
    for path in (
        "/etc/kubernetes/kubeadm-config.yaml",
        "/etc/kubernetes/known_tokens.csv",
        "/root/.kube/config",
    ):
        assert node_command(number, "stat", "-c", "%a", path).strip() == "600", path
