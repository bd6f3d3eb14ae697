"""Watches bundles, and the sources they are built from, so that each new build takes over from the one before."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import ModelBuilderError, UsageError

_FACTS = ("bundle.json", "container.json", "manifest.json", "schema.json", "signature.json")
"""What a build writes last; a bundle is another one where one of them differs."""
_LAST_LINES = 15


class Reloader:
    """Replaces bundles as they are built anew; for a ``with`` block.

    Args:
        bundles: Those that run, each at its path.
        replace: Puts a bundle, which was read and checked, in the place of the one before; raises ModelBuilderError
            where that does not work, and the one before goes on.
        rebuild: Command that builds them, run in the current folder when a Python file below ``sources`` changes.
        sources: Folders of sources.
        say: Called with each sentence for the user.

    Raises:
        UsageError: watchfiles is not installed, or the command is no command.
    """

    def __init__(
        self,
        bundles: Sequence[ModelBundle],
        replace: Callable[[ModelBundle], None],
        *,
        rebuild: str | None = None,
        sources: Sequence[Path] = (),
        say: Callable[[str], object],
    ) -> None:
        try:
            import watchfiles  # noqa: F401, PLC0415 - an extra
        except ImportError:
            raise UsageError(
                "--reload needs watchfiles, which is not installed.", remedy='pip install "cdk-modelbuilder[local]"'
            ) from None
        self._paths = [bundle.path.resolve() for bundle in bundles]
        self._seen = {path: _fingerprint(path) for path in self._paths}
        self._replace, self._say = replace, say
        self._command = _words(rebuild)
        self._sources = [source.resolve() for source in sources] if rebuild else []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reload", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._over.set()
        self._thread.join(timeout=10)

    def _watch(self) -> None:
        from watchfiles import watch  # noqa: PLC0415

        # The folder above each bundle: a build replaces the bundle's folder itself.
        places = {*(path.parent for path in self._paths), *self._sources}
        for changes in watch(*places, watch_filter=self._concerns, stop_event=self._over, rust_timeout=500):
            changed = sorted(path for _, path in changes if self._is_source(path))
            if changed:
                self._build(changed[0])  # what it writes is among the next changes
            # Only those: to look at one is to read all of its files.
            for bundle in sorted({found for _, path in changes if (found := self._bundle_of(path)) is not None}):
                self._reload(bundle)

    def _concerns(self, _: object, path: str) -> bool:
        return self._bundle_of(path) is not None or self._is_source(path)

    def _bundle_of(self, path: str) -> Path | None:
        changed = Path(path)
        return next((bundle for bundle in self._paths if changed == bundle or bundle in changed.parents), None)

    def _is_source(self, path: str) -> bool:
        from watchfiles import Change, PythonFilter  # noqa: PLC0415

        changed = Path(path)
        source = next((source for source in self._sources if source in changed.parents), None)
        if source is None or self._bundle_of(path) is not None:
            return False
        # A build works in a hidden folder beside the bundle.
        hidden = any(part.startswith(".") for part in changed.relative_to(source).parts)
        return not hidden and PythonFilter()(Change.modified, path)

    def _build(self, changed: str) -> None:
        self._say(f"{Path(changed).name} changed: {shlex.join(self._command)}")
        try:
            done = subprocess.run(
                self._command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
            )
        except OSError as error:
            self._say(f"{self._command[0]} cannot be started: {error.strerror}.")
            return
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines()[-_LAST_LINES:]
            said = "".join(f"\n  {line}" for line in lines)
            self._say(f"the build failed with status {done.returncode}, and what ran before goes on.{said}")

    def _reload(self, path: Path) -> None:
        found = _fingerprint(path)
        if found is None:  # between the old one and the new
            return
        if found == self._seen[path]:
            self._report_changed_files(path)
            return
        try:
            bundle = ModelBundle.load(path)
            self._replace(bundle)
        except ModelBuilderError as error:
            self._say(f"the new build of {path.name} does not take over: {error}")
        else:
            self._say(f"the new build of {path.name} has taken over: {bundle.root_sha256[:16]}")
        self._seen[path] = found

    def _report_changed_files(self, path: Path) -> None:
        """Say that someone edits a signed file: it is not what would be deployed."""
        try:
            ModelBundle.load(path)
        except ModelBuilderError as error:
            self._say(f"{path.name} is not reloaded: {error}")


def _fingerprint(path: Path) -> str | None:
    """What tells one build from the next; None while there is none."""
    digest = hashlib.sha256()
    try:
        for name in _FACTS:
            digest.update((path / name).read_bytes())
    except OSError:
        return None
    return digest.hexdigest()


def _words(command: str | None) -> list[str]:
    try:
        words = shlex.split(command or "")
    except ValueError as error:
        raise UsageError(f"--rebuild {command!r} cannot be read: {error}.", remedy="Close the quotes.") from None
    if command is not None and not words:
        raise UsageError("--rebuild names no command.", remedy='Give one, such as --rebuild "python train.py".')
    return words
