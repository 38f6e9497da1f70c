"""Records docs/embedded-lab-session.md: kubectl, docker and skopeo in a lab. `python -m tools.lab_session`.

Needs the three programs in the PATH, and some seconds: it begins a lab, installs in it, runs `SESSION`, ends the lab.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tke_tui.lab.place import LabPlace
from tke_tui.lab.scenario import Scenario

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "embedded-lab-session.md"
ABOUT = """# kubectl, docker and skopeo in the embedded lab

Recorded by `python -m tools.lab_session` on a lab of three simulated machines whose installation had ended well
(`tke-tui lab --plain --keep --pace 0`). The programs are the real ones; the lab's directory is `$LAB`. What the lab
cannot do, it says.

```
export LAB=~/.local/share/tke-tui/lab
export KUBECONFIG=$LAB/install/admin.kubeconfig DOCKER_HOST=unix://$LAB/lab/docker.sock
```
"""
CM = "apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: paint}\\ndata: {colour: %s}\\n"
WEB = (
    "apiVersion: apps/v1\\nkind: Deployment\\nmetadata: {name: web}\\nspec:\\n  replicas: 2\\n"
    "  selector: {matchLabels: {app: web}}\\n  template:\\n    metadata: {labels: {app: web}}\\n    spec:\\n"
    "      containers: [{name: web, image: example/web:1}]\\n"
)
SESSION: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Look around",
        (
            "kubectl version --short",
            "kubectl get nodes -o wide",
            "kubectl get node 127.77.0.12 -o jsonpath='{.status.nodeInfo.kubeletVersion}'",
            "kubectl get deployments -n tke",
            "kubectl api-resources --api-group=apps",
            "kubectl get apiservices",
            "kubectl get clusters.platform.tkestack.io",
            "kubectl auth can-i delete nodes",
            "kubectl get namespaces -w --request-timeout=500ms",
        ),
    ),
    (
        "Apply, wait, scale",
        (
            f"printf '{WEB}' > web.yaml",
            "kubectl apply -f web.yaml",
            "kubectl wait --for=condition=Available deployment/web --timeout=10s",
            "sed -i s/web:1/web:2/ web.yaml",
            "kubectl diff -f web.yaml | grep image:",
            "kubectl apply -f web.yaml",
            "kubectl rollout status deployment/web",
            "kubectl scale deployment/web --replicas=3",
            "kubectl get deployment web -o wide",
            "kubectl get pods -l app=web -o wide",
            "kubectl describe deployment web",
            "kubectl delete deployment web --wait",
            "kubectl get pods",
        ),
    ),
    (
        "Fields",
        (
            "kubectl explain deployment.spec.replicas",
            "sed s/replicas:/replicaz:/ web.yaml | kubectl apply -f -",
            f"printf '{CM % 'red'}' | kubectl apply --server-side -f -",
            f"printf '{CM % 'blue'}' | kubectl apply --server-side --field-manager=other -f -",
            f"printf '{CM % 'blue'}' | kubectl apply --server-side --field-manager=other --force-conflicts -f -",
            """kubectl patch configmap paint --type=json -p '[{"op": "remove", "path": "/data/smell"}]'""",
            """kubectl patch configmap paint --type=merge -p '{"data": {"colour": "green"}}'""",
            "kubectl get configmap paint -o yaml",
            "kubectl delete configmap paint",
        ),
    ),
    (
        "Nodes",
        (
            "kubectl label node 127.77.0.13 disk=fast",
            "kubectl get nodes -l disk=fast",
            "kubectl taint node 127.77.0.13 only=fast:NoSchedule",
            "kubectl get node 127.77.0.13 -o jsonpath='{.spec.taints}'",
            "kubectl taint node 127.77.0.13 only-",
            "kubectl cordon 127.77.0.13",
            "kubectl uncordon 127.77.0.13",
        ),
    ),
    (
        "What does not run",
        (
            "kubectl run alone --image=example/alone:1",
            "kubectl get pod alone",
            "kubectl exec alone -- ls",
            "kubectl logs alone",
            "kubectl delete pod alone",
        ),
    ),
    (
        "The engine",
        (
            "docker version",
            "docker ps",
            "docker images '*/*/tke-p*'",
            "docker tag tkestack/busybox-amd64:1.31.1 127.0.0.1:5080/demo/busybox:1",
            "docker push 127.0.0.1:5080/demo/busybox:1",
            "docker rmi 127.0.0.1:5080/demo/busybox:1",
            "docker pull 127.0.0.1:5080/demo/busybox:1",
            "docker history 127.0.0.1:5080/demo/busybox:1",
            "docker save -o busybox.tar 127.0.0.1:5080/demo/busybox:1",
            "docker load -i busybox.tar",
            "docker create --name box 127.0.0.1:5080/demo/busybox:1",
            "docker start box",
            "docker exec box ls",
            "docker rm box",
            "docker stop box",
            "docker rm box",
            "docker logs registry-http",
        ),
    ),
    (
        "The registries",
        (
            "skopeo list-tags --tls-verify=false docker://127.0.0.1:5080/demo/busybox",
            "skopeo copy --dest-tls-verify=false docker-archive:busybox.tar docker://127.0.0.1:5080/demo/copy:1",
            "skopeo copy --src-tls-verify=false docker://127.0.0.1:5080/demo/copy:1 dir:busybox",
            "skopeo delete --tls-verify=false docker://127.0.0.1:5080/demo/copy:1",
            "skopeo inspect docker://127.77.0.11:8443/library/busybox:1",
            'CA="--cert-dir $LAB/lab/certs.d/registry.tke.com:8443"',
            "tke-tui result --dir $LAB/install --reveal-password | sed -n 's/^password: //p' > password",
            "skopeo login $CA -u admin --password-stdin 127.77.0.11:8443 < password",
            "skopeo copy --dest-cert-dir $LAB/lab/certs.d/registry.tke.com:8443"
            " docker-archive:busybox.tar docker://127.77.0.11:8443/library/busybox:1",
            "skopeo inspect $CA docker://127.77.0.11:8443/library/busybox:1",
            "docker login -u admin --password-stdin registry.tke.com:8443 < password",
        ),
    ),
)


def record(directory: Path) -> str:
    """The page, from a lab that is made below an empty directory and ended again.

    Raises `StateError` while another lab has the first addresses, which are those of the page.
    """
    place, home = LabPlace(directory / "lab"), directory / "home"
    home.mkdir()
    place.begin(Scenario(pace=0), number=0)
    try:
        install = [
            sys.executable,
            "-m",
            "tke_tui",
            "lab",
            "--dir",
            str(place.root),
            "--resume",
            "--plain",
            "--keep",
        ]
        subprocess.run(install, check=True, capture_output=True, cwd=ROOT)
        return ABOUT + "".join(_part(title, commands, place.root, home) for title, commands in SESSION)
    finally:
        place.end()


def _part(title: str, commands: tuple[str, ...], lab: Path, home: Path) -> str:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "LAB": str(lab),
        "KUBECONFIG": str(lab / "install/admin.kubeconfig"),
        "DOCKER_HOST": f"unix://{lab}/lab/docker.sock",
    }
    lines, settings = [f"\n## {title}\n", "```"], ""
    for command in commands:
        run = subprocess.run(
            ["sh", "-c", f"{settings}{command} 2>&1"],
            env=environment,
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        if re.match(r"[A-Z]+=", command):
            settings += f"{command}\n"
        lines.append(f"$ {command}")
        if said := run.stdout.rstrip():
            lines += said.replace(str(lab), "$LAB").replace(str(home), "~").splitlines()
    return "\n".join([*(line.rstrip() for line in lines), "```"]) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="tke-tui-session-") as scratch:
        PAGE.write_text(record(Path(scratch)))
