"""Where connections go when this host reaches an address only through another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tke_tui.core.context import Options
from tke_tui.core.forwards import Forwards
from tke_tui.core.run_settings import RunSettings


def test_only_the_named_port_of_the_named_host_is_reached_elsewhere() -> None:
    forwards = Forwards({"10.0.0.1:6443": "127.0.0.1:16443"})
    assert forwards.of("10.0.0.1", 6443) == ("127.0.0.1", 16443)
    assert forwards.of("10.0.0.1", 443) == ("10.0.0.1", 443)
    assert forwards.of("10.0.0.2", 6443) == ("10.0.0.2", 6443)


@pytest.mark.parametrize(
    "place", ["127.0.0.1", "127.0.0.1:", ":6443", "127.0.0.1:https", "127.0.0.1:65536", ""]
)
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match="is no host:port"):
        Forwards({"10.0.0.1:6443": place})
    with pytest.raises(ValueError, match="is no host:port"):
        Forwards({place: "127.0.0.1:6443"})


def test_a_resumed_run_reaches_the_cluster_in_the_same_way() -> None:
    forwards = Forwards({"10.0.0.1:6443": "127.0.0.1:16443"})
    settings = RunSettings(Path("bundle"), Options(forwards=forwards))
    assert RunSettings.from_dict(settings.as_dict()).options.forwards == forwards
