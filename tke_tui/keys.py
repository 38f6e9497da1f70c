"""Which keys there are: those of the focused widget, of all it stands in, of the screen and of the app."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen


def reachable(screen: Screen[Any]) -> Iterator[tuple[DOMNode, Binding]]:
    """All enabled bindings with an id and a description, from the focus outwards, with the person's own keys.

    Unlike Textual's active bindings these hold keys that the focused field takes as text, too: what they do can be
    reached from the command palette. Bindings without an id are Textual's own, described in English only.
    """
    app = screen.app
    for node in (screen.focused or screen).ancestors_with_self:
        bindings = node._bindings.copy()
        bindings.apply_keymap(app._keymap)
        for _key, binding in bindings:
            if binding.id and binding.description and app._check_action_state(binding.action, node):
                yield node, binding
        if node.is_modal:
            break
    if screen.is_modal:
        yield from ((app, binding) for _key, binding in app._bindings if binding.id and binding.description)
