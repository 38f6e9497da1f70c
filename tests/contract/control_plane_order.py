"""The control plane's handlers in the order in which a machine goes through them."""

from tke_tui.core.plan import CREATE_HANDLERS
from tke_tui.core.task import Task

_FIRST, _LAST = "EnsureKeepalivedInit", "EnsureThirdPartyHA"
_OTHERS = frozenset({"EnsureGalaxy"})
_names = [handler.name for handler in CREATE_HANDLERS]

ORDER: tuple[type[Task], ...] = (
    *(handler for handler in CREATE_HANDLERS if handler.name == "EnsureClusterComplete"),
    *(
        handler
        for handler in CREATE_HANDLERS[_names.index(_FIRST) : _names.index(_LAST) + 1]
        if handler.name not in _OTHERS
    ),
)


def up_to(kind: type[Task]) -> tuple[type[Task], ...]:
    """All handlers before `kind`."""
    return ORDER[: ORDER.index(kind)]
