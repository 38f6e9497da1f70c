"""Machines of the cluster and how to log in to them."""

from __future__ import annotations

from pydantic import Field

from tke_tui.core.model.fields import Base64Secret, Int, Model


class Taint(Model):
    """A Kubernetes taint that the node gets."""

    key: str = Field("", title="Key", description="Taint key, e.g. `dedicated`.")
    value: str = Field("", title="Value", description="Taint value; may be empty.")
    effect: str = Field("", title="Effect", description="`NoSchedule`, `PreferNoSchedule` or `NoExecute`.")


class Bastion(Model):
    """A host to jump through, with its own login. Extension: the original has no such object."""

    ip: str = Field("", title="Jump host", description="IPv4 address or host name of the jump host.")
    port: Int = Field(22, title="Port", description="SSH port of the jump host.")
    username: str = Field("root", title="User name", description="Login name on the jump host.")
    password: Base64Secret = Field(None, title="Password", description="Password on the jump host.")
    private_key: Base64Secret = Field(
        None, title="Private key", description="Private key (PEM or OpenSSH) for the jump host."
    )
    pass_phrase: Base64Secret = Field(None, title="Pass phrase", description="Pass phrase of that key.")


class Machine(Model):
    """One master. Its IPv4 address is also its node name.

    `host_key`, `bastion` and `sudo_password` are extensions that the original does not know.
    """

    ip: str = Field(
        "",
        title="Address",
        description="IPv4 address. In a file `a;b;c` stands for several machines with the same login.",
    )
    port: Int = Field(22, title="SSH port", description="SSH port. The original has no default.")
    username: str = Field(
        "root",
        title="User name",
        description="Login name; any other than root needs sudo. The original has no default.",
    )
    password: Base64Secret = Field(None, title="Password", description="Login password.")
    private_key: Base64Secret = Field(
        None,
        title="Private key",
        description="Private key (PEM or OpenSSH). Without key and password ssh-agent and ~/.ssh are used.",
    )
    pass_phrase: Base64Secret = Field(
        None, title="Pass phrase", description="Pass phrase of the private key."
    )
    labels: dict[str, str] = Field(default_factory=dict, title="Labels", description="Labels of the node.")
    taints: list[Taint] = Field(default_factory=list, title="Taints", description="Taints of the node.")
    host_key: str | None = Field(
        None,
        title="Host key",
        description="Extension: expected host key, as `SHA256:…` fingerprint or public key line.",
    )
    bastion: Bastion | None = Field(
        None, title="Jump host", description="Extension: jump host in front of the machine."
    )
    sudo_password: Base64Secret = Field(
        None, title="sudo password", description="Extension: password for sudo when the login is not root."
    )
