"""The node image: a bare Debian with systemd and sshd. Docker, kubelet and kubeadm come with the installer's bundle."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.lab.apt import machine_sources, mirror
from tests.lab.docker import inspect, remove_images
from tests.lab.settings import (
    DEBIAN_CODENAME,
    DOCKER_NODE_IMAGE,
    LABEL,
    NODE_IMAGE,
    OPS_USER,
    LabError,
    Paths,
)
from tests.lab.shell import cached, fingerprint, run, stage

PACKAGES = (
    "bash-completion",
    "ca-certificates",
    "curl",
    "dbus",
    "ebtables",
    "ethtool",
    "iproute2",
    "ipset",
    "iptables",
    "iputils-ping",
    "ipvsadm",
    "kmod",
    "less",
    # Debian's dockerd, containerd and runc are linked to these two.
    "libdevmapper1.02.1",
    "libseccomp2",
    "mount",
    "openssh-server",
    "openssh-sftp-server",
    "pciutils",
    "procps",
    "socat",
    "sudo",
    "systemd-sysv",
)
INSTALLER_PACKAGES = ("docker.io", "python3")
"""What a machine has beforehand that the installer itself is to run on."""
# Background jobs that would use the processor at moments of their own choice.
_MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer")
_FILES = Path(__file__).with_name("node")
_PLACED = {
    "entrypoint": ("/usr/local/sbin/tke-lab-entrypoint", 0o755),
    "runc": ("/usr/local/sbin/runc", 0o755),
    "ssh-host-keys.conf": ("/etc/systemd/system/ssh.service.d/host-keys.conf", 0o644),
    "sshd.conf": ("/etc/ssh/sshd_config.d/lab.conf", 0o644),
}


def base_key(extra: tuple[str, ...] = ()) -> str:
    """Key of the debootstrap stage."""
    return fingerprint(DEBIAN_CODENAME, *PACKAGES, *extra)


def image_key(extra: tuple[str, ...] = ()) -> str:
    """Key of the finished image; also changes with the files placed in it."""
    return fingerprint(base_key(extra), Path(__file__), *(_FILES / name for name in sorted(_PLACED)))


def has_key(image: str, key: str) -> bool:
    """Whether the local image ``image`` exists and was made by the recipe with ``key``."""
    found = inspect("image", image)
    return found is not None and (found["Config"]["Labels"] or {}).get("tke-lab.key") == key


class NodeImage:
    """Builds ``tke-lab-node``, or with ``docker`` the variant with Debian's Docker and Python; trees are kept."""

    def __init__(self, paths: Paths, *, docker: bool = False) -> None:
        self.paths = paths
        self.extra = INSTALLER_PACKAGES if docker else ()
        self.name = DOCKER_NODE_IMAGE if docker else NODE_IMAGE
        self.base = paths.rootfs / f"base-{base_key(self.extra)}"

    def build(self) -> None:
        """Make the image unless the present recipe's is there. Raises LabError with the log's end."""
        if has_key(self.name, image_key(self.extra)):
            cached("node image")
            return
        self._debootstrap()
        with stage("node image"):
            tree = self.paths.rootfs / "node.new"
            shutil.rmtree(tree, ignore_errors=True)
            run(["cp", "-a", "--reflink=auto", self.base, tree])
            try:
                self._prepare(tree)
                import_tree(
                    tree,
                    self.name,
                    key=image_key(self.extra),
                    changes=['CMD ["/usr/local/sbin/tke-lab-entrypoint"]'],
                )
            finally:
                shutil.rmtree(tree, ignore_errors=True)

    def _debootstrap(self) -> None:
        if self.base.exists():
            cached("node root file system")
            return
        with stage("node root file system"):
            tree = debootstrap(self.paths, self.base.with_suffix(".new"), (*PACKAGES, *self.extra))
            tree.rename(self.base)

    def _prepare(self, tree: Path) -> None:
        for name, (target, mode) in _PLACED.items():
            path = tree / target.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_FILES / name, path)
            path.chmod(mode)
        # What must be each machine's own, or must not tell of the machine that made the image.
        for path in (tree / "etc/ssh").glob("ssh_host_*"):
            path.unlink()
        for name in ("hosts", "hostname", "resolv.conf", "machine-id"):
            (tree / "etc" / name).unlink(missing_ok=True)
            (tree / "etc" / name).touch()
        (tree / "var/lib/dbus/machine-id").unlink(missing_ok=True)
        (tree / "etc/apt/sources.list").unlink(missing_ok=True)
        run(
            ["chroot", tree, "useradd", "--create-home", "--shell", "/bin/bash", "--groups", "sudo", OPS_USER]
        )
        for unit in _MASKED:
            (tree / "etc/systemd/system" / unit).symlink_to("/dev/null")


def debootstrap(paths: Paths, target: Path, packages: tuple[str, ...]) -> Path:
    """A minimal Debian tree with ``packages`` at ``target``, from the machine's own archive. Returns ``target``."""
    shutil.rmtree(target, ignore_errors=True)
    archives = paths.root / "debootstrap"
    archives.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    run(
        [
            "debootstrap",
            "--variant=minbase",
            f"--cache-dir={archives}",
            f"--include={','.join(packages)}",
            DEBIAN_CODENAME,
            target,
            mirror(machine_sources()),
        ],
        log=paths.run / "debootstrap.log",
    )
    for directory in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
        for entry in (target / directory).iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    return target


def import_tree(tree: Path, image: str, *, key: str, changes: list[str]) -> None:
    """Make ``tree`` the only layer of local image ``image``, labelled with ``key``; ``changes`` as in a Dockerfile."""
    options: list[str] = []
    for change in [*changes, f"LABEL {LABEL}= tke-lab.key={key}"]:
        options += ["--change", change]
    with subprocess.Popen(
        ["tar", "--numeric-owner", "-C", str(tree), "-c", "."], stdout=subprocess.PIPE
    ) as pack:
        result = subprocess.run(
            ["docker", "import", *options, "-", image],
            stdin=pack.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
        if pack.stdout:
            pack.stdout.close()
    if result.returncode != 0 or pack.returncode != 0:
        raise LabError(
            f"image {image} from {tree}: tar {pack.returncode}, docker import: {result.stderr.strip()}"
        )
    remove_images(dangling_only=True)
