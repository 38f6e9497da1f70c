"""From the output of a failed `docker pull` to its cause, and whether trying again can help."""

from __future__ import annotations

from dataclasses import dataclass

from tke_tui.core.errors import CommandFailed, Evidence, Fatal, Retryable, TkeError


@dataclass(frozen=True, slots=True)
class Cause:
    """`signs` are lower-case pieces of docker's message; the first cause with one of them is taken."""

    signs: tuple[str, ...]
    detail: str
    fix: str
    passing: bool = False


CAUSES = (
    Cause(
        ("no space left on device",),
        "the machine's disk is full",
        "Make room below docker's data directory on {node} (`docker info --format '{{{{.DockerRootDir}}}}'`), or move "
        "it with dockerExtraArgs.data-root; then continue with --resume.",
    ),
    Cause(
        ("manifest unknown", "manifest for", "not found: manifest"),
        "the registry does not hold this image",
        "Run the step `Push images` again, it pushes what is missing; for an existing registry, check project and "
        "tag there.",
    ),
    Cause(
        ("502 bad gateway", "503 service unavailable", "504 gateway"),
        "something between the machine and the registry answers in its place, usually a proxy",
        "Look at `docker info | grep -i proxy` on {node}; put the registry's name into its no_proxy list and restart "
        "docker, then continue with --resume.",
        passing=True,
    ),
    Cause(
        ("x509", "certificate"),
        "the registry's certificate is not trusted by the machine",
        "Put the CA certificate into /etc/docker/certs.d/<registry>/ca.crt on {node}; if the certificate is not yet "
        "valid, correct the clock. Then continue with --resume.",
    ),
    Cause(
        ("unauthorized", "denied", "no basic auth"),
        "the registry refuses the machine",
        "Give username and password in Config.registry.thirdParty, or allow anonymous pulls from the project.",
    ),
    Cause(
        ("no such host", "server misbehaving", "temporary failure in name resolution"),
        "the machine cannot resolve the registry's name",
        "Check /etc/hosts and the name servers on {node}, then continue with --resume.",
        passing=True,
    ),
    Cause(
        ("connection refused", "no route to host"),
        "nothing listens at the registry's address",
        "Check from {node} that ports 80 and 443 of the registry answer and that no firewall is between; "
        "then continue with --resume.",
        passing=True,
    ),
    Cause(
        ("timeout", "deadline exceeded", "connection reset", "unexpected eof", "broken pipe"),
        "the network between the machine and the registry is slow or breaks",
        "Check the network between {node} and the registry, then continue with --resume.",
        passing=True,
    ),
)


def explain_pull(node: str, image: str, error: CommandFailed) -> TkeError:
    """The failure of `docker pull image` on `node` with its cause; retryable when it may pass."""
    evidence = error.evidence or Evidence()
    said = "\n".join((error.detail, *evidence.output)).lower()
    cause = next((cause for cause in CAUSES if any(sign in said for sign in cause.signs)), None)
    if cause is None:
        return error
    kind = Retryable if cause.passing else Fatal
    return kind(
        f"{node}: {image} cannot be pulled",
        detail=cause.detail,
        fix=cause.fix.format(node=node),
        evidence=evidence,
    )
