"""A whole installation by keys alone: from the first screen over a file and the review to the result."""

from __future__ import annotations

from tests.pty.site import Site

SECRETS = (b"example-ssh-password", b"example-admin-password", b"example-elastic-password")
SHIFT_TAB = "\x1b[Z"


def typing(text: str) -> bool:
    """Whether a field has the focus: then a question mark would be text, and only F1 is offered as help."""
    return "f1 help" in text.split("\n")[-1]


def test_from_a_file_over_a_failure_to_the_result_by_keys(site: Site) -> None:
    one, two, three = (f"EnsureDocker@{node}" for node in site.nodes)
    with site.terminal("--dir", site.directory.root, size=(100, 32)) as terminal:
        terminal.wait("Open a file")
        terminal.press("o")
        terminal.wait(typing)
        terminal.press(str(site.document), "enter")
        for shown in (
            "Administrator", "a add", "Pod network", "Registry name", "Checked by", "Monitoring", "Console name",
            "Files and hooks",
        ):  # fmt: skip
            terminal.wait(shown)
            terminal.press("ctrl+n")
        terminal.wait("To begin, type")
        terminal.press("b")
        terminal.wait(typing)
        terminal.press("install", "enter")
        terminal.wait("at the gate")
        assert site.engine
        site.open("Preflight", one, two)
        site.open(three, say="no docker today")
        terminal.wait("no docker today")
        site.open("all", three)
        terminal.press("r")
        terminal.wait("Retry 1 failed task")
        terminal.press("r")
        terminal.wait("is installed")
        terminal.press("ctrl+q")
        assert terminal.end() == 0
        assert not [secret for secret in SECRETS if secret in terminal.raw]


def test_keys_that_come_all_at_once_keep_their_order(site: Site) -> None:
    """A slow line, or a password manager: what follows a tab or a backspace must not overtake it."""
    with site.terminal("--dir", site.directory.root) as terminal:
        terminal.wait("New installation")
        terminal.press("n")
        terminal.wait(typing)
        for name in ("somebody", "root"):
            terminal.press(f"\x15{name}\tex\x7fample\tex\x7fample{SHIFT_TAB * 2}")
            terminal.wait(f"User name            {name}\n")
            dots = [line.count("\N{BULLET}") for line in terminal.quiet().split("\n")]
            assert [count for count in dots if count] == [6, 6]
            terminal.press(f"\t\x15\t\x15{SHIFT_TAB * 2}")
            terminal.wait(lambda text: "\N{BULLET}" not in text)


def test_what_is_typed_ahead_reaches_the_screen_that_a_key_opens(site: Site) -> None:
    with site.terminal("--dir", site.directory.root) as terminal:
        terminal.wait("New installation")
        terminal.press("n\x15root\t")
        terminal.wait("User name            root\n")
