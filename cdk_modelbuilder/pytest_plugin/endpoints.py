"""Endpoints that tests start on this machine."""

from __future__ import annotations

import collections
import contextlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.deployment import deploy
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.predictor import Predictor

_CODE = "code/inference.py"
_LINES = 40


@dataclass(frozen=True, slots=True)
class _Started:
    """One endpoint, and what was asked for it."""

    bundle: ModelBundle
    mode: Mode
    options: Mapping[str, Any]
    predictor: Predictor
    log: collections.deque[str]

    def is_what(self, bundle: ModelBundle, mode: Mode, options: Mapping[str, Any]) -> bool:
        """Whether it is the same content, started in the same way."""
        return self.bundle.artifact_digest == bundle.artifact_digest and (self.mode, self.options) == (mode, options)

    def answers(self) -> bool:
        """Whether its server still listens."""
        place = urlsplit(self.predictor.url or "")
        try:
            socket.create_connection((place.hostname or "", place.port or 0), timeout=5).close()
        except OSError:
            return False
        return True


class LocalEndpoints:
    """Starts bundles on this machine, and ends what it started.

    Args:
        root: What relative paths of bundles start from: pytest's rootdir.
        shared: Whether to give out an endpoint again for the same content, mode and options.
    """

    def __init__(self, root: Path, *, shared: bool) -> None:
        self.root = root
        self._shared = shared
        self._started: list[_Started] = []

    def __call__(
        self, bundle: ModelBundle | Path | str, *, mode: Mode | str | None = None, **options: Any
    ) -> Predictor:
        """Start ``bundle`` and return a predictor for it.

        Args:
            bundle: The bundle, or its folder; a relative path starts from pytest's rootdir.
            mode: ``Mode.LOCAL_PROCESS`` or ``Mode.LOCAL_CONTAINER``, or its name. Default: the bundle's own if it is
                one of these; else a process, or a container for a bundle without code of its own.
            options: Further arguments of :func:`cdk_modelbuilder.deployment.deploy`, such as ``workers`` or
                ``signing_key``.

        Raises:
            BundleError: Not a bundle, or cut short.
            IntegrityError: The bundle was changed, or signed with another key.
            LocalEndpointError: The server did not start.
            UsageError: A mode that is not of this machine, or an option that there is not.
        """
        opened = self.open(bundle)
        chosen = _mode(opened, mode)
        if self._shared:
            for one in self._started:
                if one.is_what(opened, chosen, options) and one.answers():
                    return one.predictor
        log: collections.deque[str] = collections.deque(maxlen=_LINES)
        on_log: Callable[[str], object] | None = options.get("on_log")

        def keep(line: str) -> None:
            log.append(line)
            if on_log is not None:
                on_log(line)

        predictor = deploy(opened, mode=chosen, **{**options, "on_log": keep})
        self._started.append(_Started(opened, chosen, options, predictor, log))
        return predictor

    def open(self, bundle: ModelBundle | Path | str) -> ModelBundle:
        """The bundle, with every file of it checked; a relative path starts from pytest's rootdir."""
        return bundle if isinstance(bundle, ModelBundle) else ModelBundle.load(self.root / bundle)

    def bundle_of(self, predictor: Predictor) -> ModelBundle | None:
        """The bundle behind a predictor that was given out here; None for another."""
        return next((one.bundle for one in self._started if one.predictor is predictor), None)

    def log_sections(self) -> list[tuple[str, str]]:
        """A heading and the last lines of the log, for each endpoint that said something."""
        return [
            (f"Log of {one.bundle.name} at {one.predictor.url}", "\n".join(one.log)) for one in self._started if one.log
        ]

    def stop(self) -> None:
        """End all of them, the newest first; one that does not end well does not keep the others running."""
        with contextlib.ExitStack() as stack:
            for one in self._started:
                stack.callback(one.predictor.delete_endpoint)
            self._started.clear()


def _mode(bundle: ModelBundle, given: Mode | str | None) -> Mode:
    if isinstance(given, str):
        if given.upper() not in Mode.__members__:
            raise UsageError(
                f"there is no mode {given!r}.", remedy="Local ones are Mode.LOCAL_PROCESS and Mode.LOCAL_CONTAINER."
            )
        given = Mode[given.upper()]
    if given is Mode.SAGEMAKER_ENDPOINT:
        raise UsageError(
            "local_endpoint starts bundles on this machine, and mode=Mode.SAGEMAKER_ENDPOINT is none of it.",
            remedy="Use Predictor.from_bundle(bundle, endpoint_name=...) for an endpoint in SageMaker.",
        )
    if given is not None:
        return given
    own = Mode[str(bundle.info.get("mode", "SAGEMAKER_ENDPOINT"))]
    if own is not Mode.SAGEMAKER_ENDPOINT:
        return own
    return Mode.LOCAL_PROCESS if _CODE in bundle.manifest.files else Mode.LOCAL_CONTAINER
