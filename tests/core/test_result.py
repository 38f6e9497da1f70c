"""The result of an installation: where to go, what to trust, and no password unless somebody asks for it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from tests.contract.world import make_para
from tke_tui.core.model.cluster import HA
from tke_tui.core.model.config import Cert, Gateway, ThirdPartyCert
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.fields import secret
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir
from tke_tui.core.result import Result

PASSWORD = "correct horse"


def directory_of(tmp_path: Path) -> InstallDir:
    directory = InstallDir(tmp_path / "install")
    directory.create()
    (directory.pki / "ca.crt").write_text("the CA")
    directory.kubeconfig.write_text("token: abcdef")
    return directory


def console(count: int = 2, **gateway: object) -> CreateClusterPara:
    para = make_para(count)
    para.config.gateway = Gateway.model_validate(gateway)
    assert para.config.basic is not None
    para.config.basic.password = secret(PASSWORD)
    return apply_defaults(para, (para.cluster.spec.version,))


def test_it_names_console_user_certificate_servers_and_hosts(tmp_path: Path) -> None:
    result = Result.of(console(), directory_of(tmp_path))
    assert (result.url, result.username, result.ca_cert) == ("http://console.tke.com", "admin", "the CA")
    assert result.servers == ("127.0.0.1", "127.0.0.2")
    assert result.hosts_lines() == ["127.0.0.1 console.tke.com", "127.0.0.1 registry.tke.com"]
    assert result.kubeconfig == "token: abcdef"


def test_names_lead_to_the_virtual_address_when_there_is_one(tmp_path: Path) -> None:
    para = console(3)
    para.config.ha = HA.model_validate({"tke": {"vip": "127.0.0.100"}})
    result = Result.of(para, directory_of(tmp_path))
    assert result.hosts_lines()[0] == "127.0.0.100 console.tke.com"
    assert result.servers[-1] == "127.0.0.100"


def test_a_certificate_of_the_person_s_own_needs_no_ca_of_ours(tmp_path: Path) -> None:
    para = console()
    assert para.config.gateway is not None
    para.config.gateway.cert = Cert(third_party=ThirdPartyCert(certificate=b"x", private_key=secret("y")))
    assert Result.of(para, directory_of(tmp_path)).ca_cert == ""


def test_without_console_there_is_no_url_but_still_a_kubeconfig(tmp_path: Path) -> None:
    result = Result.of(make_para(1), directory_of(tmp_path))
    assert (result.url, result.hosts) == ("", ("registry.tke.com",))
    assert result.kubeconfig_path.endswith("admin.kubeconfig")


def test_password_and_kubeconfig_are_only_given_when_asked_for(tmp_path: Path) -> None:
    result = Result.of(console(), directory_of(tmp_path))
    hidden = (PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), "abcdef")
    for text in (repr(result), str(result.as_dict()), result.to_text()):
        assert not any(value in text for value in hidden)
    assert json.loads(result.to_text())["kubeconfigPath"] == result.kubeconfig_path
    assert result.reveal_password() == PASSWORD
    shown = result.as_dict(reveal=True)
    assert base64.b64decode(shown["password"]).decode() == PASSWORD
    assert base64.b64decode(shown["kubeconfig"]).decode() == "token: abcdef"
