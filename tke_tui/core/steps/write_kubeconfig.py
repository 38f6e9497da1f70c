"""Write kubeconfig: kubectl works on the installer host, for the person who installs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.installer_host import includes_self
from tke_tui.core.kubeadm.credentials import CA_CERT, TOKEN, secret_or_planned
from tke_tui.core.kubeadm.endpoint import KUBECONFIG
from tke_tui.core.kubeconfig import kubeconfig, to_text
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.paths import write_private
from tke_tui.core.simulated import is_simulated
from tke_tui.core.task import Need, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

BACKUP_SUFFIX = ".before-tke-tui"


class WriteKubeconfig(Task):
    """`admin.kubeconfig` of the installation and `~/.kube/config`, both 0600; a foreign one is kept beside it."""

    name: ClassVar[str] = "Write kubeconfig"
    title: ClassVar[str] = "Write the kubeconfig of the new cluster"
    needs: ClassVar[tuple[Need, ...]] = (Need("Create global cluster"),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [para.cluster.metadata.name, _url(*advertised(para))]

    async def run(self, ctx: Context) -> None:
        host, port = advertised(ctx.para)
        there, its_port = ctx.options.forwards.of(host, port)
        document = kubeconfig(
            _url(there, its_port),
            ca_pem=secret_or_planned(ctx, CA_CERT),
            tls_server_name=None if there == host else host,
            cluster=ctx.para.cluster.metadata.name,
            user="admin",
            token=secret_or_planned(ctx, TOKEN),
        )
        text = to_text(document)
        own = ctx.directory.kubeconfig
        earlier = _read(own)
        personal = Path.home() / ".kube" / "config"
        if is_simulated(str(ctx.para.first.ip)):
            ctx.log(f"{personal} stays: these machines are simulated")
        elif personal == Path(KUBECONFIG) and includes_self(str(m.ip) for m in ctx.para.machines):
            ctx.log(f"{personal} is that of this machine as a master; it stays")
        else:
            self._write_personal(ctx, personal, text, earlier)
        if not _is(own, text) and ctx.mutate(f"write {own}"):
            write_private(own, text)

    def _write_personal(self, ctx: Context, path: Path, text: str, earlier: str | None) -> None:
        if _is(path, text) or not ctx.mutate(f"write {path}"):
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        current = _read(path)
        if current is not None and current not in (text, earlier):
            backup = _free_backup(path, current)
            if backup is not None:
                ctx.log(f"your former {path} is kept as {backup}")
                write_private(backup, current.encode("utf-8", "surrogateescape"))
        write_private(path.resolve(), text)


def advertised(para: CreateClusterPara) -> tuple[str, int]:
    """Host and port of the API server for people: the VIP or balancer, else the first machine."""
    return para.advertise or (str(para.first.ip), API_SERVER_PORT)


def _url(host: str, port: int) -> str:
    return f"https://{host}:{port}"


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None


def _is(path: Path, text: str) -> bool:
    return _read(path) == text and path.stat().st_mode & 0o777 == 0o600


def _free_backup(path: Path, content: str) -> Path | None:
    """A name for a copy that overwrites nothing; None when such a copy exists already."""
    number = 0
    while True:
        backup = path.with_name(f"{path.name}{BACKUP_SUFFIX}{f'.{number}' if number else ''}")
        present = _read(backup)
        if present is None:
            return backup
        if present == content:
            return None
        number += 1
