"""Opens files of pickle and joblib: everything that they name is judged before any of it is looked up.

A first reading puts a stand-in in the place of every class and function, so nothing of the file runs; it says which
globals there are, those in joblib's arrays too, and what the outermost object is. The second one looks up just these.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.pickle_readers import ARRAY_WRAPPER, ArrayReader, Reader, Survey
from cdk_modelbuilder.frameworks.pickles import Global, check_globals, import_allowed

SUFFIXES = (".joblib", ".pickle", ".pkl")
_COMPRESSIONS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"\x5d\x00\x00": lzma.decompress,
    b"\x78\x01": zlib.decompress,
    b"\x78\x5e": zlib.decompress,
    b"\x78\x9c": zlib.decompress,
    b"\x78\xda": zlib.decompress,
}
"""First bytes -> what undoes a compression that joblib offers."""


@dataclass(frozen=True, slots=True)
class PickleContent:
    """What a file says without being executed.

    Attributes:
        names: Every global that it names, sorted.
        root: ``module.name`` of the outermost object's class; ``builtins.dict`` and the like for plain values.
    """

    names: tuple[Global, ...]
    root: str

    def is_of(self, *libraries: str) -> bool:
        """Whether the outermost object is of one of the libraries."""
        return self.root.partition(".")[0] in libraries


def content_of(path: Path) -> PickleContent:
    """What the pickle at ``path`` holds.

    Raises:
        ModelError: It is no pickle, or is cut short.
    """
    status = path.stat()
    return _content_of(path.resolve(), status.st_mtime_ns, status.st_size)


def is_pickle_of(path: Path, *libraries: str) -> bool:
    """Whether the file has a pickle's name, and its outermost object is of one of the libraries."""
    if path.suffix not in SUFFIXES:
        return False
    try:
        return content_of(path).is_of(*libraries)
    except ModelError:
        return False


def open_pickle(path: Path, *, trust: Sequence[str]) -> Any:
    """The object in the file.

    Args:
        path: Of pickle or joblib, compressed or not.
        trust: Patterns of globals that the user trusts beyond the allow-list.

    Raises:
        ModelError: It names something that is neither allowed nor trusted, or something that is not installed; or it
            is no pickle.
    """
    content = content_of(path)
    import_allowed(content.names)
    try:
        check_globals(content.names, trust)
    except ModelError as error:
        raise ModelError(f"{path}: {error.what}", remedy=error.remedy) from None
    try:
        with _stream(path) as stream:
            kind = ArrayReader if ARRAY_WRAPPER in content.names else Reader
            return kind(stream, frozenset(content.names)).load()
    except (AttributeError, ImportError) as error:
        raise ModelError(
            f"{path} names something that the installed packages do not have: {error}.",
            remedy="Install the versions that the model was saved with, or train and save it again.",
        ) from None
    except Exception as error:
        raise ModelError(
            f"{path} cannot be loaded: {type(error).__name__}: {error}.",
            remedy="Install the versions that the model was saved with, or train and save it again.",
        ) from error


@lru_cache(maxsize=16)
def _content_of(path: Path, changed: int, size: int) -> PickleContent:  # noqa: ARG001 - what the answer depends on
    found: set[Global] = set()
    try:
        with _stream(path) as stream:
            root = Survey(stream, found).load()
    except Exception as error:  # noqa: BLE001 - the reader of opcodes meets bytes of any kind
        raise ModelError(
            f"{path} is no pickle that can be read: {type(error).__name__}: {error}.",
            remedy="Save the model again, with pickle or joblib.",
        ) from None
    kind = type(root)
    module, name = getattr(kind, "stands_for", (kind.__module__, kind.__name__))
    return PickleContent(tuple(sorted(found)), f"{module}.{name}")


def _stream(path: Path) -> IO[bytes]:
    stream = path.open("rb")
    head = stream.read(8)
    stream.seek(0)
    for start, decompress in _COMPRESSIONS.items():
        if head.startswith(start):
            with stream:
                return io.BytesIO(decompress(stream.read()))
    return stream
