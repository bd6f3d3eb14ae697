"""Fetches an image from its registry, says how far it is, and tells apart why it does not come."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.local.container.engine import Engine
from cdk_modelbuilder.local.container.refusals import NO_SPACE, no_space
from cdk_modelbuilder.local.container.registry import ecr_login, ecr_registry, registry_host

_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
_DENIED = ("denied", "unauthorized", "no basic auth credentials", "authentication required", "forbidden")
_ABSENT = ("not found", "manifest unknown", "no such image", "name unknown", "repository does not exist")
_UNREACHABLE = (
    *("no such host", "connection refused", "i/o timeout", "network is unreachable", "no route to host"),
    *("tls handshake timeout", "server misbehaving", "connection reset", "context deadline exceeded"),
)


class LayerTally:
    """How much of an image has come, told once for each tenth."""

    def __init__(self) -> None:
        self._sizes: dict[str, tuple[int, int]] = {}
        self._said = 0

    def take(self, event: Mapping[str, Any]) -> str | None:
        """What to say after this event of the daemon's; None for nothing new."""
        layer, status = event.get("id"), event.get("status")
        detail = event.get("progressDetail") or {}
        if layer and status == "Downloading" and detail.get("total"):
            self._sizes[layer] = (int(detail["current"]), int(detail["total"]))
        elif layer in self._sizes and status in ("Download complete", "Pull complete"):
            total = self._sizes[layer][1]
            self._sizes[layer] = (total, total)
        here, total = (sum(column) for column in zip(*self._sizes.values(), strict=True)) if self._sizes else (0, 0)
        tenths = 10 * here // total if total else 0
        if tenths <= self._said:
            return None
        self._said = tenths
        return f"{here / 1e6:.0f} of {total / 1e6:.0f} MB in {len(self._sizes)} layers"


def pull(engine: Engine, image: str, *, architecture: str, session: Any = None, say: Callable[[str], object]) -> None:
    """Fetch ``image``; where its host is exactly one of Amazon ECR's, with a login made for this.

    Any other registry is asked with what the user's own ``docker login`` left for that very host, or with nothing.

    Raises:
        LocalEndpointError: No such image, not allowed, no network, no space.
    """
    from docker.errors import APIError, DockerException  # noqa: PLC0415 - an extra
    from docker.utils import parse_repository_tag  # noqa: PLC0415

    login = _ecr_login(image, session)
    repository, tag = parse_repository_tag(image)
    say(f"pulling {image}")
    tally = LayerTally()
    try:
        for event in engine.api.pull(
            repository,
            tag=tag or "latest",
            stream=True,
            decode=True,
            auth_config=login,
            platform=_PLATFORMS.get(architecture),
        ):
            if "error" in event:
                raise pull_failure(image, str(event["error"]))
            if text := tally.take(event):
                say(f"pulling {image}: {text}")
    except APIError as error:
        raise pull_failure(image, str(error.explanation or error)) from None
    except DockerException as error:  # the user's credential helper failed
        raise pull_failure(image, str(error)) from None


def _ecr_login(image: str, session: Any) -> dict[str, str] | None:
    """A login to ECR; None for any other host, and where the user's own ``docker login`` is all there is."""
    from docker.auth import load_config  # noqa: PLC0415 - an extra
    from docker.errors import DockerException  # noqa: PLC0415

    registry = ecr_registry(image)
    if registry is None:
        return None
    try:
        return ecr_login(registry, image, session)
    except LocalEndpointError:
        with contextlib.suppress(DockerException):
            if load_config().resolve_authconfig(registry_host(image)):
                return None
        raise


def pull_failure(image: str, said: str) -> LocalEndpointError:
    """Why an image did not come, from the daemon's words."""
    words = said.lower()
    host = registry_host(image)
    if NO_SPACE in words:
        return no_space(image)
    if any(word in words for word in _UNREACHABLE):
        return LocalEndpointError(
            f"{image} was not pulled: the daemon does not reach {host}: {said.rstrip('.')}.",
            remedy="Check its network and proxy (`docker info` shows the proxy), or load the image from a file "
            "(`docker load`).",
        )
    if "no matching manifest" in words or "does not match the specified platform" in words:
        return LocalEndpointError(
            f"{image} was not pulled: {said.rstrip('.')}.", remedy="Build the bundle for an architecture that it has."
        )
    if "toomanyrequests" in words or "rate limit" in words:
        return LocalEndpointError(
            f"{image} was not pulled: {host} takes no more requests for now.", remedy=f"`docker login {host}`, or wait."
        )
    # A registry answers "denied" for what is not there, too, to those whom it does not know.
    if any(word in words for word in _DENIED):
        how = (
            "Your credentials need ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on the repository, and the "
            "repository's policy must let your account in."
            if ecr_registry(image)
            else f"Check the name; if it is right, `docker login {host}`."
        )
        return LocalEndpointError(f"{image} was not pulled: {host} did not allow it: {said.rstrip('.')}.", remedy=how)
    if any(word in words for word in _ABSENT):
        return LocalEndpointError(
            f"{image} was not pulled: {host} has no such image.", remedy="Check its name and its tag."
        )
    return LocalEndpointError(f"{image} was not pulled: {said.rstrip('.')}.", remedy="The daemon says why.")
