"""A change of how to log in to a machine of an installation that was begun."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from tke_tui.core.errors import UsageError

if TYPE_CHECKING:
    from tke_tui.core.model.machine import Machine

_SECRETS = ("password", "private_key", "pass_phrase", "sudo_password")


@dataclass(frozen=True, slots=True)
class MachineLogin:
    """What to change about a machine's login; None leaves it as it is, "" removes it. Secrets are in clear.

    A password given without a key takes the place of the key, and the other way round; the password that a key takes
    the place of is kept for sudo unless there is one for that. Secrets are not in `repr`.
    """

    port: int | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    pass_phrase: str | None = field(default=None, repr=False)
    sudo_password: str | None = field(default=None, repr=False)
    host_key: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """What is given, as JSON-like data with the secrets in clear."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read what `as_dict` made. Raises `UsageError`."""
        kinds = {one.name: int if one.name == "port" else str for one in fields(cls)}
        for name, value in data.items():
            if name not in kinds or type(value) is not kinds[name]:
                raise UsageError(
                    f"{name} cannot be used in a login",
                    detail=f"known are {', '.join(kinds)}; port is a number, the others are texts",
                )
        login = cls(**data)
        if login.port is not None and not 0 < login.port < 65536:
            raise UsageError(f"{login.port} is no port", fix="Give one from 1 to 65535.")
        return login

    @property
    def secrets(self) -> list[str]:
        return [value for name in _SECRETS if (value := getattr(self, name))]

    def apply_to(self, machine: Machine) -> None:
        """Change the machine itself: connections that are opened from now on use the new login."""
        from tke_tui.core.model.fields import secret  # clients that only show things start faster without it

        if self.port is not None:
            machine.port = self.port
        if self.username is not None:
            machine.username = self.username
        if self.host_key is not None:
            machine.host_key = self.host_key or None
        if self.password and not self.private_key:
            machine.private_key = machine.pass_phrase = None
        elif self.private_key and not self.password:
            machine.sudo_password = machine.sudo_password or machine.password
            machine.password = None
        for name in _SECRETS:
            value = getattr(self, name)
            if value is not None:
                setattr(machine, name, secret(value) if value else None)
