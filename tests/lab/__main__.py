"""Command line of the lab: ``python -m tests.lab up`` and its friends."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.lab import conntrack, hosts_file, nodes
from tests.lab.apt import Apt, require_root
from tests.lab.docker import Daemon, create_network, reachable, remove_images, remove_network
from tests.lab.kubernetes import Kubernetes
from tests.lab.loadbalancer import LoadBalancer
from tests.lab.rootfs import NodeImage
from tests.lab.settings import MAX_NODES, LabError, node_address, paths
from tests.lab.shell import exclusive, say, stage


def up(arguments: argparse.Namespace) -> int:
    """Bring the lab to ``--nodes`` running nodes; what is there already is kept."""
    require_root()
    here = paths()
    apt = Apt(here)
    apt.install()
    with ThreadPoolExecutor(max_workers=1) as background:
        # The slowest stage needs neither Docker nor the nodes.
        binaries = None if arguments.no_kubernetes else background.submit(Kubernetes(here, apt).build)
        with exclusive(here.root / "up.lock"):
            Daemon(here).start()
            conntrack.set_limit(here)
            NodeImage(here, docker=arguments.docker_on_nodes).build()
            create_network()
            logins = nodes.Logins(here)
            logins.ensure()
            with stage(f"{arguments.nodes} node(s)"):
                nodes.start_nodes(
                    range(1, arguments.nodes + 1),
                    logins,
                    docker_on_nodes=arguments.docker_on_nodes,
                    mounts=arguments.mount,
                )
            nodes.write_state(here, logins)
        if binaries is not None:
            binaries.result()
    status(arguments)
    return 0


def kubernetes(_: argparse.Namespace) -> int:
    """Build only the Kubernetes binaries."""
    require_root()
    here = paths()
    apt = Apt(here)
    apt.install()
    print(Kubernetes(here, apt).build())
    return 0


def bundle(_: argparse.Namespace) -> int:
    """Make the offline bundle; needs the Kubernetes binaries."""
    from tests.lab.bundle import main as build

    return build()


def down(arguments: argparse.Namespace) -> int:
    """Take away everything but the cache; with ``--purge`` the cache too."""
    require_root()
    here = paths()
    daemon = Daemon(here)
    if daemon.died() and not reachable():
        # Its containers and rules can only be taken away with its help.
        daemon.start()
    if reachable():
        with stage("remove nodes"):
            LoadBalancer(here).remove()
            extras(argparse.Namespace(action="down"))
            nodes.remove_nodes()
            remove_network()
            remove_images(dangling_only=not arguments.purge)
        daemon.stop()
    conntrack.restore_limit(here)
    hosts_file.clean()
    if arguments.purge:
        shutil.rmtree(here.root, ignore_errors=True)
    else:
        shutil.rmtree(here.run, ignore_errors=True)
    return 0


def status(_: argparse.Namespace) -> int:
    """Print one line per node. Exit 1 when the lab is not up."""
    here = paths()
    if not reachable():
        say("lab: no Docker daemon answers; run `up` first")
        return 1
    found = nodes.list_nodes()
    print(f"{'NODE':<12} {'ADDRESS':<14} {'STATE':<9} SYSTEMD")
    for node in found:
        system = nodes.system_state(node.name) if node.state == "running" else "-"
        print(f"{node.name:<12} {node.address:<14} {node.state:<9} {system}")
    balancer = LoadBalancer(here).state()
    if balancer:
        print(f"{'tke-lab-lb':<12} {balancer}")
    built = (here.kubernetes_bin / "kubeadm").exists()
    print(f"kubernetes binaries: {here.kubernetes_bin if built else 'not built'}; details: {here.state}")
    return 0 if found else 1


def execute(arguments: argparse.Namespace) -> int:
    """Run a command in a node with this terminal, by ``docker exec``."""
    node = nodes.require(arguments.node)
    words = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not words:
        raise LabError("exec: no command given; write `exec NODE -- COMMAND ...`")
    flags = ["--interactive", "--tty"] if sys.stdin.isatty() else ["--interactive"]
    return os.spawnvp(os.P_WAIT, "docker", ["docker", "exec", *flags, node.name, *words])


def stop_node(arguments: argparse.Namespace) -> int:
    """Shut a node down."""
    with stage(f"stop {arguments.node}"):
        nodes.stop_node(nodes.require(arguments.node).name)
    return 0


def start_node(arguments: argparse.Namespace) -> int:
    """Boot a node that was shut down."""
    with stage(f"start {arguments.node}"):
        nodes.start_node(nodes.require(arguments.node).name)
    return 0


def reset(arguments: argparse.Namespace) -> int:
    """Replace the named nodes by fresh ones, losing all they hold; logins stay the same."""
    require_root()
    here = paths()
    names = [nodes.require(name).name for name in arguments.node]
    with stage(f"reset {len(names)} node(s)"):
        nodes.reset_nodes(names, nodes.Logins(here))
    nodes.write_state(here, nodes.Logins(here))
    return 0


def extras(arguments: argparse.Namespace) -> int:
    """Start afresh or remove the third parties: a registry with a login, an Elasticsearch, an identity provider."""
    require_root()
    from tests.lab.extras import Extras

    if arguments.action == "down":
        Extras(paths()).remove()
    else:
        Extras(paths()).start()
    return 0


def balancer(arguments: argparse.Namespace) -> int:
    """Start or remove the load balancer container."""
    require_root()
    here = paths()
    if arguments.action == "down":
        LoadBalancer(here).remove()
    else:
        LoadBalancer(here).start([node.address for node in nodes.list_nodes()])
    return 0


def _node_count(text: str) -> int:
    number = int(text)
    node_address(number)
    return number


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="python -m tests.lab", description="A real cluster lab on one Debian 12 machine."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        entry = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        entry.set_defaults(function=function)
        return entry

    entry = command("up", up)
    entry.add_argument("--nodes", type=_node_count, default=3, help=f"1..{MAX_NODES}, default 3")
    entry.add_argument(
        "--docker-on-nodes", action="store_true", help="new nodes have Debian's Docker and Python installed"
    )
    entry.add_argument(
        "--mount",
        action="append",
        default=[],
        metavar="PATH[:ro]",
        help="new nodes see this path of the host in the same place; repeatable",
    )
    entry.add_argument("--no-kubernetes", action="store_true", help="do not build the Kubernetes binaries")
    command("down", down).add_argument("--purge", action="store_true", help="remove the cache as well")
    command("status", status)
    command("kubernetes", kubernetes)
    command("bundle", bundle)
    entry = command("exec", execute)
    entry.add_argument("node")
    entry.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    command("stop-node", stop_node).add_argument("node")
    command("start-node", start_node).add_argument("node")
    command("reset", reset).add_argument("node", nargs="+")
    command("extras", extras).add_argument("action", choices=("up", "down"))
    command("lb", balancer).add_argument("action", choices=("up", "down"))
    return top


def main(argv: Sequence[str]) -> int:
    """Run one command; an error of the lab is one paragraph on stderr and exit code 1."""
    try:
        arguments = parser().parse_args(argv)
        function: Callable[[argparse.Namespace], int] = arguments.function
        return function(arguments)
    except LabError as error:
        say(f"lab: {error}")
        return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
