"""Machines of the cluster and how to log in to them."""

from __future__ import annotations

from pydantic import Field

from tke_tui.core.model.fields import Base64Secret, Int, Model


class Taint(Model):
    """A Kubernetes taint that the node gets."""

    key: str = Field("", description="Taint key, e.g. `dedicated`.")
    value: str = Field("", description="Taint value; may be empty.")
    effect: str = Field("", description="`NoSchedule`, `PreferNoSchedule` or `NoExecute`.")


class Bastion(Model):
    """A host to jump through, with its own login. Extension: the original has no such object."""

    ip: str = Field("", description="IPv4 address or host name of the jump host.")
    port: Int = Field(22, description="SSH port of the jump host.")
    username: str = Field("root", description="Login name on the jump host.")
    password: Base64Secret = Field(None, description="Password on the jump host.")
    private_key: Base64Secret = Field(None, description="Private key (PEM or OpenSSH) for the jump host.")
    pass_phrase: Base64Secret = Field(None, description="Pass phrase of that key.")


class Machine(Model):
    """One master. Its IPv4 address is also its node name.

    `host_key`, `bastion` and `sudo_password` are extensions that the original does not know.
    """

    ip: str = Field(
        "",
        description="IPv4 address. In a file `a;b;c` stands for several machines with the same login.",
    )
    port: Int = Field(22, description="SSH port. The original has no default.")
    username: str = Field(
        "root", description="Login name; any other than root needs sudo. The original has no default."
    )
    password: Base64Secret = Field(None, description="Login password.")
    private_key: Base64Secret = Field(
        None,
        description="Private key (PEM or OpenSSH). Without key and password ssh-agent and ~/.ssh are used.",
    )
    pass_phrase: Base64Secret = Field(None, description="Pass phrase of the private key.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the node.")
    taints: list[Taint] = Field(default_factory=list, description="Taints of the node.")
    host_key: str | None = Field(
        None,
        description="Extension: expected host key, as `SHA256:…` fingerprint or public key line.",
    )
    bastion: Bastion | None = Field(None, description="Extension: jump host in front of the machine.")
    sudo_password: Base64Secret = Field(
        None, description="Extension: password for sudo when the login is not root."
    )
