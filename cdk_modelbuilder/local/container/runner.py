"""LocalContainer: a bundle's image in a container on this machine."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.integrity.signature import BundleKey
from cdk_modelbuilder.local.container import isolation
from cdk_modelbuilder.local.container.ending import Ending
from cdk_modelbuilder.local.container.engine import Engine, daemon_trouble, find_engine
from cdk_modelbuilder.local.container.fit import check_engine, check_fit
from cdk_modelbuilder.local.container.image import prepare_image
from cdk_modelbuilder.local.container.model_files import model_mount
from cdk_modelbuilder.local.container.options import ContainerOptions
from cdk_modelbuilder.local.container.ownership import (
    BUNDLE_LABEL,
    FOLDER_LABEL,
    FOLDER_PREFIX,
    Owner,
    reap_orphans,
    remove_container,
)
from cdk_modelbuilder.local.container.readiness import wait_until_healthy
from cdk_modelbuilder.local.container.recording import Recording
from cdk_modelbuilder.local.container.refusals import explained, refusal
from cdk_modelbuilder.local.container.request import STOP_SECONDS, creation
from cdk_modelbuilder.local.container.watcher import Watcher
from cdk_modelbuilder.local.own_secrets import own_secrets

_log = logging.getLogger("cdk_modelbuilder.endpoint")
_ROOT = ("", "0", "root")
_HIDDEN = "[the bundle's key]"


class LocalContainer:
    """A bundle in a container, reached through a port of 127.0.0.1; a ``RunningModel``.

    It ends with :meth:`stop`, when this interpreter exits, and at once when this process is killed. Before it starts,
    containers whose owner is gone are removed.

    Args:
        bundle: What to serve.
        key: The bundle's key, which goes to the container through its environment; None if its spec asks for none.
        options: What the user decides. Default: nothing.
        port: Port on 127.0.0.1, or 0 for a free one.
        on_log: Called with each line of the container's log. Default: the logger ``cdk_modelbuilder.endpoint``.
        on_progress: Called with each line about a pull or a build. Default: the same logger.

    Raises:
        IntegrityError: The archive, if it has to be unpacked, is not what was signed.
        LocalEndpointError: No daemon, no image, or the container was not healthy; then the message ends with its log.
        UsageError: An option that does not fit the bundle or the machine, or a port that is taken.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        key: BundleKey | None,
        *,
        options: ContainerOptions | None = None,
        port: int = 0,
        on_log: Callable[[str], object] | None = None,
        on_progress: Callable[[str], object] | None = None,
    ) -> None:
        self._bundle = bundle
        self._options = options or ContainerOptions()
        check_fit(bundle, self._options, key, port)
        self._lock = threading.RLock()  # a signal's handler may stop it while the main thread does
        self._is_stopped = False
        self._owner = os.getpid()
        self._recording: Recording | None = None
        self._door: isolation.Door | None = None
        self._name = f"cdk-modelbuilder-{_slug(bundle.name)}-{secrets.token_hex(4)}"
        try:
            self._engine = find_engine()
            with contextlib.ExitStack() as undo, daemon_trouble(self._engine):
                undo.callback(self._engine.close)
                check_engine(self._engine, self._options)
                reap_orphans(self._engine)
                self._image = prepare_image(self._engine, bundle, self._options, on_progress or _log.info)
                self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
                undo.callback(shutil.rmtree, self._folder, ignore_errors=True)
                # Before the container: from here on a kill leaves nothing.
                self._watcher = Watcher(self._names, self._folder, _daemon(self._engine))
                undo.pop_all()
            atexit.register(self._stop_at_exit)
            self._run(key, port, on_log or _log.info)
        except LocalEndpointError as error:
            raise explained(error, bundle, port) from None

    @property
    def url(self) -> str:
        """Where the server listens, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def name(self) -> str:
        """The container's name."""
        return self._name

    @property
    def identity(self) -> str:
        """What finds it among the containers here."""
        return f"container {self._name}"

    @property
    def engine(self) -> str:
        """The daemon that runs it and how that was found."""
        return str(self._engine)

    @property
    def ending(self) -> Ending | None:
        """How it ended; None while it runs."""
        return None if self._recording is None else self._recording.ending

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._recording is not None and not self._recording.ended.is_set()

    def memory_bytes(self) -> int | None:
        """Memory of all its processes, without what the kernel caches of files; None where the daemon does not tell."""
        return None if self._recording is None or not self.is_running() else self._recording.memory_now()

    def last_log_lines(self) -> list[str]:
        """The newest lines of its log, oldest first."""
        return [] if self._recording is None else list(self._recording.tail)

    def wait(self) -> int:
        """Wait until it ends by itself; returns its exit status."""
        assert self._recording is not None
        self._recording.ended.wait()
        assert self._recording.ending is not None
        return self._recording.ending.status

    def stop(self) -> None:
        """End it and remove it; requests that are running get their answer first. Does nothing when that is done."""
        atexit.unregister(self._stop_at_exit)
        with self._lock:
            if self._is_stopped:
                return
            self._is_stopped = True
            is_removed = False
            try:
                is_removed = self._end()
            finally:  # after a second Ctrl-C, too
                if is_removed:
                    self._watcher.dismiss()
                else:
                    self._watcher.take_over()
                shutil.rmtree(self._folder, ignore_errors=True)
                self._engine.close()

    def _run(self, key: BundleKey | None, port: int, on_log: Callable[[str], object]) -> None:
        try:
            with daemon_trouble(self._engine):
                self._start(key, port, on_log)
            assert self._recording is not None
            wait_until_healthy(
                self._bundle.name,
                self.url,
                self._recording,
                self._bundle.container.health_check,
                startup_seconds=self._options.startup_seconds,
                image=self._image,
                machine=self._engine.architecture,
            )
        except BaseException:
            self.stop()
            raise

    def _start(self, key: BundleKey | None, port: int, on_log: Callable[[str], object]) -> None:
        from docker.errors import APIError  # noqa: PLC0415 - an extra

        spec, options, api = self._bundle.container, self._options, self._engine.api
        user = self._image.user if options.user is None else options.user
        mount = model_mount(self._bundle, options, self._folder, by_root=user.partition(":")[0] in _ROOT)
        labels = {BUNDLE_LABEL: self._bundle.name, FOLDER_LABEL: str(self._folder), **Owner.here().labels()}
        secret, own = "" if key is None else key.secret.hex(), own_secrets(spec)
        request = creation(
            spec,
            options,
            image=self._image.id,
            secrets={**dict.fromkeys(spec.secret_environment, secret), **own},
            mount=mount,
            labels=labels,
            port=port,
        )
        try:
            api.create_container_from_config(request, self._name)
            api.start(self._name)
        except APIError as error:
            raise refusal(error, name=self._bundle.name, image=self._image.name, port=port) from None
        hidden = {text: f"[{name}]" for name, text in own.items()} | ({secret: _HIDDEN} if secret else {})
        self._recording = Recording(api, self._name, on_log, hidden=hidden, limit=options.memory_limit)
        if options.network_isolation:
            self._door = isolation.open_door(
                api, self._name, inside=spec.port, port=port, folder=self._folder, labels=labels
            )
            self.port = self._door.port
        else:
            self.port = self._published() or port

    def _published(self) -> int:
        found = self._engine.api.inspect_container(self._name)["NetworkSettings"]["Ports"] or {}
        bindings = found.get(f"{self._bundle.container.port}/tcp") or [{}]
        return int(bindings[0].get("HostPort") or 0)  # it may have ended already

    def _end(self) -> bool:
        """Whether everything is removed: not where the daemon does not answer any more."""
        from docker.errors import DockerException, NotFound  # noqa: PLC0415 - an extra
        from requests.exceptions import RequestException  # noqa: PLC0415

        api = self._engine.api
        try:
            if self._recording is not None:
                with contextlib.suppress(NotFound):
                    api.stop(self._name, timeout=STOP_SECONDS)
                self._recording.join()
            if self._door is not None:
                self._door.close()
            remove_container(api, self._name)
        except (DockerException, RequestException) as error:
            _log.warning("%s is left to its watcher: %s", self._name, error)
            return False
        return True

    def _stop_at_exit(self) -> None:
        if os.getpid() == self._owner:  # a child that was forked must not end its parent's container
            self.stop()

    @property
    def _names(self) -> list[str]:
        return [self._name, *([isolation.companion_name(self._name)] if self._options.network_isolation else [])]


def _daemon(engine: Engine) -> str | None:
    # A context's TLS files are found through the context; everything else is said by the address alone.
    return engine.address.url if engine.address.context is None else None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "model"
