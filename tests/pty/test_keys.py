"""A whole installation by keys alone: from the first screen over a file and the review to the result."""

from __future__ import annotations

from tests.pty.site import Site

SECRETS = (b"example-ssh-password", b"example-admin-password", b"example-elastic-password")


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
