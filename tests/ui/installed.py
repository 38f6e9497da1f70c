"""An input saved in an installation directory as the product saves it, with secrets that tests look for."""

from __future__ import annotations

from tests.story import EXAMPLE
from tke_tui.core.model.fields import secret
from tke_tui.core.model.load import load_para
from tke_tui.core.model.machine import Bastion, Machine
from tke_tui.core.paths import InstallDir
from tke_tui.core.redact import Redactor
from tke_tui.core.saved_input import save
from tke_tui.core.secrets import SecretStore

PASSWORD = "correct-horse-7c1"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nbattery-staple-9d2\n-----END OPENSSH PRIVATE KEY-----"


def save_input(directory: InstallDir, *, jump: bool = False) -> None:
    """Three machines 10.0.0.11 and on: the first has a password, the second a key, the third neither.

    `jump` puts a jump host with a key of its own in front of the second.
    """
    para = load_para(EXAMPLE).para
    assert para is not None
    bastion = Bastion(ip="192.0.2.1", port=2222, username="jump", private_key=secret(KEY)) if jump else None
    para.cluster.spec.machines = [
        Machine(ip="10.0.0.11", port=2200, username="installer", password=secret(PASSWORD)),
        Machine(ip="10.0.0.12", private_key=secret(KEY), bastion=bastion),
        Machine(ip="10.0.0.13"),
    ]
    directory.create()
    store = SecretStore(directory.secrets, directory.secrets_key, Redactor())
    save(directory.para, para, store, prefix="input/")
