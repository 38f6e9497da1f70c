"""The real kubectl, docker and skopeo work with the lab as with real machines, and are told plainly what it lacks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.embedded.programs import Programs, needs
from tests.embedded.trial import trial
from tke_tui.lab import __main__ as process
from tke_tui.lab.scenario import Scenario
from tools import lab_session

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("embedded-tools"),
]

CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: default}
data: {colour: COLOUR}
"""
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "example/web:1", ports: [{containerPort: 80}]}]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def programs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Programs]:
    """One lab with an installation that has ended well."""
    root = tmp_path_factory.mktemp("tools")
    (root / "home").mkdir()
    async with trial(root, Scenario(nodes=1, pace=0), whole=True) as one:
        assert (await one.run()).status == "success"
        kubeconfig = one.directory.root / "admin.kubeconfig"
        yield Programs(one.lab, kubeconfig, root / "home")


async def test_the_recorded_session_is_that_of_the_tool() -> None:
    told = [line[2:] for line in lab_session.PAGE.read_text().splitlines() if line.startswith("$ ")]

    assert told == [command for _, commands in lab_session.SESSION for command in commands]


@needs("kubectl")
async def test_kubectl_looks_around(programs: Programs) -> None:
    address = next(iter(programs.lab.members))

    version = json.loads((await programs.kubectl("version", "-o", "json")).out)
    assert version["serverVersion"]["gitVersion"] == "v1.20.2"
    kinds = (await programs.kubectl("api-resources", "-o", "name")).out.split()
    assert {"pods", "deployments.apps", "clusters.platform.tkestack.io"} <= set(kinds)
    header, node = (await programs.kubectl("get", "nodes", "-o", "wide")).rows
    assert header[:5] == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert (node[0], node[1], node[5]) == (address, "Ready", address)
    path = "jsonpath={.items[*].metadata.name}"
    assert (await programs.kubectl("get", "nodes", "-o", path)).out == address
    assert "kubeletVersion: v1.20.2" in (await programs.kubectl("get", "node", address, "-o", "yaml")).out
    described = (await programs.kubectl("describe", "node", address)).out
    assert "tke-platform-api" in described
    watched = await programs.kubectl("get", "ns", "-w", "--request-timeout=300ms", code=None)
    assert ["tke", "Active"] in [row[:2] for row in watched.rows]


@needs("kubectl")
async def test_kubectl_applies_waits_scales_and_deletes(programs: Programs) -> None:
    programs.write("web.yaml", WEB)
    assert "deployment.apps/web created" in (await programs.kubectl("apply", "-f", "web.yaml")).out
    assert "deployment.apps/web unchanged" in (await programs.kubectl("apply", "-f", "web.yaml")).out
    await programs.kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=10s")

    programs.write("web.yaml", WEB.replace("web:1", "web:2"))
    difference = await programs.kubectl("diff", "-f", "web.yaml", code=1)
    assert "+      - image: example/web:2" in difference.out
    await programs.kubectl("apply", "-f", "web.yaml")
    rolled = await programs.kubectl("rollout", "status", "deploy/web", "--timeout=10s")
    assert "successfully rolled out" in rolled.out
    await programs.kubectl("scale", "deploy/web", "--replicas=3")
    pods = await programs.kubectl("get", "pods", "-l", "app=web", "-o", "wide", "--no-headers")
    assert [row[1:3] for row in pods.rows] == [["1/1", "Running"]] * 3

    # A pod that is deleted is made again, as its Deployment wants it.
    await programs.kubectl("delete", "pod", pods.rows[0][0], "--wait=true", "--timeout=10s")
    again = await programs.kubectl("get", "pods", "-l", "app=web", "--no-headers")
    assert len(again.rows) == 3

    await programs.kubectl("delete", "-f", "web.yaml", "--wait=true", "--timeout=10s")
    assert (await programs.kubectl("get", "pods", "-l", "app=web", "--no-headers")).out == ""


@needs("kubectl")
async def test_kubectl_meets_the_fields_of_others_in_a_server_side_apply(programs: Programs) -> None:
    programs.write("red.yaml", CONFIG_MAP.replace("COLOUR", "red"))
    programs.write("blue.yaml", CONFIG_MAP.replace("COLOUR", "blue"))
    await programs.kubectl("apply", "--server-side", "-f", "red.yaml")

    other = ("apply", "--server-side", "--field-manager=other", "-f", "blue.yaml")
    refused = await programs.kubectl(*other, code=1)
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .data.colour' in refused.messages
    await programs.kubectl(*other, "--force-conflicts")
    path = "jsonpath={.data.colour}{range .metadata.managedFields[*]} {.manager}{end}"
    shown = await programs.kubectl("get", "configmap", "one", "-o", path)
    assert shown.out.split() == ["blue", "other"]
    await programs.kubectl("delete", "configmap", "one")


@needs("kubectl")
async def test_kubectl_patches_labels_and_taints(programs: Programs) -> None:
    address = next(iter(programs.lab.members))
    programs.write("red.yaml", CONFIG_MAP.replace("COLOUR", "red"))
    await programs.kubectl("create", "-f", "red.yaml")
    await programs.kubectl("patch", "cm", "one", "--type=merge", "-p", '{"data": {"a": "1"}}')
    await programs.kubectl(
        "patch", "cm", "one", "--type=json", "-p", '[{"op": "remove", "path": "/data/colour"}]'
    )
    await programs.kubectl("patch", "cm", "one", "-p", '{"data": {"b": "2"}}')
    shown = await programs.kubectl("get", "cm", "one", "-o", "jsonpath={.data}")
    assert json.loads(shown.out) == {"a": "1", "b": "2"}
    await programs.kubectl("delete", "cm", "one")

    await programs.kubectl("label", "node", address, "disk=fast")
    chosen = await programs.kubectl("get", "nodes", "-l", "disk=fast", "-o", "name")
    assert chosen.out == f"node/{address}\n"
    await programs.kubectl("label", "node", address, "disk-")
    await programs.kubectl("taint", "node", address, "a=b:NoSchedule", "c=d:NoExecute")
    await programs.kubectl("taint", "node", address, "a-")
    left = await programs.kubectl("get", "node", address, "-o", "jsonpath={.spec.taints[*].key}")
    assert left.out == "c"
    await programs.kubectl("taint", "node", address, "c-")


@needs("kubectl")
async def test_kubectl_explains_fields_and_refuses_those_that_there_are_not(programs: Programs) -> None:
    explained = await programs.kubectl("explain", "deployment.spec.replicas")
    assert "replicas <integer>" in explained.out
    assert "Number of desired pods" in " ".join(explained.out.split())

    programs.write("wrong.yaml", WEB.replace("replicas: 2", 'replicaz: "2"'))
    refused = await programs.kubectl("apply", "--validate=true", "-f", "wrong.yaml", code=1)
    assert 'unknown field "replicaz" in io.k8s.api.apps.v1.DeploymentSpec' in refused.messages
    programs.write("wrong.yaml", WEB.replace("replicas: 2", 'replicas: "2"'))
    refused = await programs.kubectl("apply", "--validate=true", "-f", "wrong.yaml", code=1)
    assert 'got "string", expected "integer"' in refused.messages


@needs("kubectl")
async def test_kubectl_is_told_what_does_not_run(programs: Programs) -> None:
    await programs.kubectl("run", "alone", "--image=example/alone:1")
    await programs.kubectl("wait", "--for=condition=Ready", "pod/alone", "--timeout=10s")
    for command in (("exec", "alone", "--", "ls"), ("logs", "alone"), ("port-forward", "alone", "0:80")):
        refused = await programs.kubectl(*command, code=1)
        assert "the embedded lab runs no containers" in refused.messages
    await programs.kubectl("delete", "pod", "alone")


@needs("docker")
async def test_docker_handles_images(programs: Programs) -> None:
    seen = process._asked(programs.lab)
    assert "embedded lab" in (await programs.docker("version")).out
    assert "Name: embedded-lab" in (await programs.docker("info")).out
    assert process._asked(programs.lab) > seen

    listed = (await programs.docker("images", "--format", "{{.Repository}}:{{.Tag}}")).out.split()
    image = next(name for name in listed if "busybox" in name)
    name = f"{programs.registry}/demo/one"
    await programs.docker("tag", image, f"{name}:1")
    await programs.docker("tag", image, f"{name}:2")
    ids = [(await programs.docker("inspect", "-f", "{{.Id}}", each)).out for each in (image, f"{name}:1")]
    assert ids[0] == ids[1]
    assert (await programs.docker("history", "-q", f"{name}:1")).out
    pushed = await programs.docker("push", "-a", name)
    assert "1: digest: sha256:" in pushed.out
    assert "2: digest: sha256:" in pushed.out
    assert (await programs.docker("rmi", f"{name}:1")).out == f"Untagged: {name}:1\n"
    pulled = await programs.docker("pull", f"{name}:1")
    assert f"Status: Downloaded newer image for {name}:1" in pulled.out
    missing = await programs.docker("pull", f"{name}:3", code=1)
    assert f"manifest for {name}:3 not found" in missing.messages

    await programs.docker("save", "-o", "saved.tar", f"{name}:1")
    await programs.docker("rmi", f"{name}:1", f"{name}:2")
    loaded = await programs.docker("load", "-i", "saved.tar")
    assert loaded.out == f"Loaded image: {name}:1\n"
    await programs.docker("rmi", f"{name}:1")


@needs("docker")
async def test_docker_logs_in_with_the_right_password_only(programs: Programs) -> None:
    domain = next((programs.lab.directory / "certs.d").iterdir()).name
    login = ("login", "-u", "admin", "--password-stdin", domain)

    refused = await programs.docker(*login, stdin="wrong", code=1)
    assert "unauthorized" in refused.messages
    assert "Login Succeeded" in (await programs.docker(*login, stdin=programs.lab.admin_password)).out
    await programs.docker("logout", domain)


@needs("docker")
async def test_docker_handles_containers_that_do_not_run(programs: Programs) -> None:
    listed = (await programs.docker("images", "--format", "{{.Repository}}:{{.Tag}}")).out.split()
    image = next(name for name in listed if "busybox" in name)
    await programs.docker("create", "--name", "box", image)
    await programs.docker("start", "box")
    shown = await programs.docker("ps", "--format", "{{.Names}} {{.Status}}")
    assert any(line.startswith("box Up ") for line in shown.out.splitlines())
    refused = await programs.docker("rm", "box", code=1)
    assert "container is running" in refused.messages
    refused = await programs.docker("exec", "box", "ls", code=1)
    assert "the embedded lab runs no containers" in refused.messages
    assert (await programs.docker("logs", "box")).out == ""
    assert "listening on" in (await programs.docker("logs", "registry-http")).messages
    await programs.docker("stop", "box")
    state = await programs.docker("inspect", "-f", "{{.State.Status}}", "box")
    assert state.out == "exited\n"
    await programs.docker("rm", "box")


@needs("skopeo")
async def test_skopeo_copies_between_engine_registries_and_directories(programs: Programs) -> None:
    listed = [name for name in programs.lab.docker.tags if "busybox" in name]
    plain, engine = "--dest-tls-verify=false", f"--src-daemon-host={programs.lab.docker.url}"
    target = f"docker://{programs.registry}/demo/copied:1"
    await programs.skopeo(
        "copy", engine, f"docker-daemon:{listed[0]}", "docker-archive:image.tar:demo/copied:1"
    )
    await programs.skopeo("copy", plain, "docker-archive:image.tar", target)
    tags = await programs.skopeo("list-tags", "--tls-verify=false", target.rpartition(":")[0])
    assert json.loads(tags.out)["Tags"] == ["1"]
    await programs.skopeo("copy", "--src-tls-verify=false", target, "dir:here")
    manifest = json.loads((programs.home / "here/manifest.json").read_text())
    assert manifest["config"]["digest"] == programs.lab.docker.tags[listed[0]]
    refused = await programs.skopeo("delete", "--tls-verify=false", target, code=1)
    assert "UNSUPPORTED" in refused.messages


@needs("skopeo")
async def test_skopeo_needs_ca_and_login_for_the_platforms_registry(programs: Programs) -> None:
    image = next(name for name in programs.lab.docker.tags if "busybox" in name)
    target = f"docker://{programs.platform}/library/demo:1"
    source = (f"--src-daemon-host={programs.lab.docker.url}", f"docker-daemon:{image}")
    trusted = f"--dest-cert-dir={programs.certificates}"

    unknown = await programs.skopeo("inspect", target, code=1)
    assert "certificate signed by unknown authority" in unknown.messages
    stranger = await programs.skopeo("copy", trusted, source[0], source[1], target, code=1)
    assert "authentication required" in stranger.messages or "unauthorized" in stranger.messages
    await programs.skopeo(
        "login", f"--cert-dir={programs.certificates}", "-u", "admin", "--password-stdin", programs.platform,
        stdin=programs.lab.admin_password,
    )  # fmt: skip
    await programs.skopeo("copy", trusted, *source, target)
    shown = await programs.skopeo("inspect", f"--cert-dir={programs.certificates}", target)
    assert json.loads(shown.out)["RepoTags"] == ["1"]
