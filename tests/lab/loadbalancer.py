"""A third party's load balancer: Debian's haproxy in a container of its own address."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from tests.lab.docker import docker, inspect
from tests.lab.rootfs import debootstrap, has_key, import_tree
from tests.lab.settings import (
    LABEL,
    LOAD_BALANCER,
    LOAD_BALANCER_IMAGE,
    LOAD_BALANCER_NAME,
    NETWORK_NAME,
    LabError,
    Paths,
)
from tests.lab.shell import cached, fingerprint, run, stage, wait_until

PORTS = (6443, 80, 443)
_CONFIG_PATH = "/etc/haproxy/haproxy.cfg"


def render_config(addresses: Sequence[str]) -> str:
    """haproxy configuration that forwards each of PORTS to that port of every address that accepts connections."""
    lines = [
        "global",
        "    maxconn 4096",
        "    stats socket /run/haproxy.sock mode 600 level admin",
        "defaults",
        "    mode tcp",
        "    timeout connect 3s",
        # Watches of the API are silent for minutes.
        "    timeout client 1h",
        "    timeout server 1h",
        "    option redispatch",
    ]
    for port in PORTS:
        lines += [f"listen port-{port}", f"    bind :{port}", "    balance roundrobin"]
        lines.append("    default-server check inter 1s fall 2 rise 1 on-marked-down shutdown-sessions")
        lines += [f"    server node-{i} {address}:{port}" for i, address in enumerate(addresses, 1)]
    return "\n".join(lines) + "\n"


class LoadBalancer:
    """The container ``tke-lab-lb`` at 198.18.0.50."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def state(self) -> str:
        """Address and state of the container for a table; empty when there is none."""
        found = inspect("container", LOAD_BALANCER_NAME)
        return f"{LOAD_BALANCER!s:<14} {found['State']['Status']}" if found else ""

    def start(self, addresses: Sequence[str]) -> None:
        """(Re)start with all ``addresses`` as backends. Raises LabError when haproxy does not answer in 20 s."""
        if not addresses:
            raise LabError("load balancer: there are no nodes to balance; run `up` first")
        self._image()
        self.remove()
        with stage(f"load balancer for {len(addresses)} node(s)"):
            docker(
                "create", "--name", LOAD_BALANCER_NAME, "--hostname", LOAD_BALANCER_NAME,
                "--label", f"{LABEL}=lb", "--network", NETWORK_NAME, "--ip", str(LOAD_BALANCER),
                LOAD_BALANCER_IMAGE,
            )  # fmt: skip
            config = self.paths.run / "haproxy.cfg"
            config.write_text(render_config(addresses))
            docker("cp", config, f"{LOAD_BALANCER_NAME}:{_CONFIG_PATH}")
            docker("start", LOAD_BALANCER_NAME)
            wait_until(
                self._running,
                timeout=20,
                what="haproxy listens",
                evidence=lambda: docker("logs", "--tail", "10", LOAD_BALANCER_NAME, check=False),
            )

    def remove(self) -> None:
        """Remove the container if there is one."""
        if inspect("container", LOAD_BALANCER_NAME) is not None:
            docker("rm", "--force", "--volumes", LOAD_BALANCER_NAME)

    def _running(self) -> bool:
        found = inspect("container", LOAD_BALANCER_NAME)
        if found is None or found["State"]["Status"] == "exited":
            raise LabError(
                f"haproxy ended: {docker('logs', '--tail', '10', LOAD_BALANCER_NAME, check=False)}"
            )
        script = " && ".join(f"(exec 3<>/dev/tcp/127.0.0.1/{port})" for port in PORTS)
        return run(["docker", "exec", LOAD_BALANCER_NAME, "bash", "-c", script], check=False).returncode == 0

    def _image(self) -> None:
        key = fingerprint("haproxy", _CONFIG_PATH)
        if has_key(LOAD_BALANCER_IMAGE, key):
            cached("load balancer image")
            return
        with stage("load balancer image"):
            tree = debootstrap(self.paths, self.paths.rootfs / "lb.new", ("haproxy",))
            try:
                command = f'CMD ["/usr/sbin/haproxy", "-W", "-db", "-f", "{_CONFIG_PATH}"]'
                import_tree(tree, LOAD_BALANCER_IMAGE, key=key, changes=[command])
            finally:
                shutil.rmtree(tree, ignore_errors=True)
