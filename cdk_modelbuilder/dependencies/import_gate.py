"""Lets a fresh interpreter import only what is on the list, and writes down what else is asked for, and by whom.

Seeing which modules are loaded is not enough: an XGBoost that finds pandas loads it, and does without it where there
is none. So packages that nobody requires are kept out at first. What the bundle's own code imports is let in and noted,
and so is what a package imports without a fallback. What is imported inside a ``try`` that catches its absence, or only
looked for, stays out. The model then runs on its sample as it will in the container, where these packages are missing.

Standard library only, and of this package only what needs nothing else: it runs in the interpreter that is observed.
"""

from __future__ import annotations

import ast
import importlib.machinery
import linecache
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from cdk_modelbuilder.dependencies.file_watch import FileWatch
from cdk_modelbuilder.dependencies.import_journal import Journal
from cdk_modelbuilder.dependencies.import_sites import guards_imports
from cdk_modelbuilder.dependencies.metadata_queries import brings, name_of, wanted_entry_points

_MACHINERY = ("<frozen importlib", os.path.join("importlib", "__init__.py"), os.path.join("importlib", "util.py"))
_PACKAGE = __name__.partition(".")[0]
_PROBE = ("<frozen importlib.util>", os.path.join("importlib", "util.py"))


class ImportGate:
    """A finder that stands before all others.

    Args:
        owners: Module -> distributions that bring it; see :class:`~cdk_modelbuilder.dependencies.installed.Installed`.
        allowed: Distributions that may be imported.
        barred: Distributions that may not, whoever asks.
        own: Folders of the bundle's own code.
        generated: Those of them, or files, that are not the user's: a fallback in them is meant.
        shipped: Folders that travel with the bundle and may hold modules as well.
        journal: File that findings are appended to, by children of this process too.

    Attributes:
        admitted: Distribution -> who imported it, though it was not on the list.
        refused: Distribution -> who imported it, or looked for it, and goes on without it.
        unowned: Module that no distribution brings and that is not shipped -> who imported it.
        missing_files: Files below ``own`` that were opened or looked for and are not there.
        listed_folders: Folders below ``own`` whose entries were asked for.
    """

    def __init__(
        self,
        *,
        owners: Mapping[str, Sequence[str]],
        allowed: Sequence[str],
        barred: Sequence[str] = (),
        own: Sequence[str],
        generated: Sequence[str] = (),
        shipped: Sequence[str] = (),
        journal: str | None = None,
    ) -> None:
        self._owners, self._allowed, self._barred = owners, set(allowed) - set(barred), set(barred)
        self._shared = {name.partition(".")[0] for name in owners if "." in name}
        self._own = tuple(os.path.realpath(place) + os.sep for place in own)
        self._generated = tuple(os.path.realpath(place) for place in generated)
        self._shipped = tuple(os.path.realpath(place) + os.sep for place in shipped)
        self._package = str(Path(__file__).parents[1])
        paths = sysconfig.get_paths()
        self._libraries = tuple(os.path.realpath(paths[key]) + os.sep for key in ("purelib", "platlib"))
        self._standard = tuple(os.path.realpath(paths[key]) + os.sep for key in ("stdlib", "platstdlib"))
        self._finders: list[Any] = []
        self.admitted: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.unowned: dict[str, str] = {}
        self.missing_files: list[str] = []
        self.listed_folders: list[str] = []
        self._journal = Journal(journal)

    def close(self) -> None:
        """From now on, nothing passes that may not."""
        for name in list(sys.modules):  # .pth files import things when the interpreter starts
            owners = self._owners_of(name)
            if owners and self._allowed.isdisjoint(owners) and name.partition(".")[0] != _PACKAGE:
                del sys.modules[name]
        self._finders = list(sys.meta_path)
        sys.meta_path[:] = [self]
        FileWatch(
            self._own, self._generated, on_missing=self._note_missing_file, on_listed=self._note_listed_folder
        ).start()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module's spec, or None as if it were not installed."""
        spec = None
        for finder in self._finders:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                break
        if spec is None or (path is not None and name.partition(".")[0] not in self._shared):
            return spec
        return spec if self._may_pass(name, spec) else None

    def find_distributions(self, context: Any = None) -> Iterator[metadata.Distribution]:
        """For ``importlib.metadata``: what may not be imported is not installed.

        Asking for a package by its name, or for the entry points that packages bring, is like importing them.
        """
        context = metadata.DistributionFinder.Context() if context is None else context
        wanted = wanted_entry_points()
        for finder in self._finders:
            find = getattr(finder, "find_distributions", None)
            for found in () if find is None else find(context):
                name = name_of(found)
                if (
                    self._is_there(found, name)
                    or (context.name is not None and self._judge(name))
                    or (wanted and brings(found, wanted) and self._judge(name, by_users_alone=True))
                ):
                    yield found

    def invalidate_caches(self) -> None:
        """For ``importlib.invalidate_caches()``."""
        for finder in self._finders:
            if hasattr(finder, "invalidate_caches"):
                finder.invalidate_caches()

    def _is_there(self, found: metadata.Distribution, name: str) -> bool:
        if (os.path.realpath(str(found.locate_file(""))) + os.sep).startswith(self._own):
            return True
        return name in self._allowed or name in self.admitted

    def _may_pass(self, name: str, spec: importlib.machinery.ModuleSpec) -> bool:
        origin = spec.origin if spec.has_location and spec.origin else None
        place = None if origin is None else os.path.realpath(origin)
        if place is not None and place.startswith((*self._own, *self._shipped, self._package + os.sep)):
            return True
        owners = self._owners_of(name)
        if not owners:
            return place is None or self._is_standard(place) or self._note_unowned(name)
        if not self._allowed.isdisjoint(owners) or not self.admitted.keys().isdisjoint(owners):
            return True
        return self._judge(min(owners))

    def _is_standard(self, place: str) -> bool:
        return place.startswith(self._standard) and not place.startswith(self._libraries)

    def _note_unowned(self, name: str) -> bool:
        importer = next(self._importers(), None)
        words = "" if importer is None else self._in_words(importer)
        if self.unowned.setdefault(name, words) == words:
            self._journal.add("unowned", name, words)
        return False

    def _owners_of(self, module: str) -> Sequence[str]:
        name = module
        while name not in self._owners and "." in name:
            name = name.rpartition(".")[0]
        if name != module and name in self._shared:
            return ()
        return self._owners.get(name, ())

    def _judge(self, owner: str, *, by_users_alone: bool = False) -> bool:
        """Whether a distribution that is not on the list may be used by whoever is asking for it now."""
        frames = list(self._importers())
        words = self._in_words(frames[0]) if frames else "the interpreter"
        needs = bool(frames) and self._is_users(frames[0]) if by_users_alone else self._needs(frames)
        if owner not in self._barred and needs:
            self.admitted[owner] = words
            self.refused.pop(owner, None)
            self._journal.add("admitted", owner, words)
            return True
        if self.refused.setdefault(owner, words) == words:
            self._journal.add("refused", owner, words)
        return False

    def _needs(self, frames: Sequence[FrameType]) -> bool:
        if not frames:  # a thread that does nothing but import: who told it to is not to be seen
            return not _is_probed()
        if self._is_users(frames[0]):
            return True
        if _is_probed() or _has_fallback(frames[0], any_error=True):
            return False
        for frame in frames[1:]:
            if self._is_users(frame):
                return True
            if _has_fallback(frame, any_error=False):
                return False
        return True

    def _importers(self) -> Iterator[FrameType]:
        """The frames that are importing now, the innermost first, without those of the import system.

        The first one is outside of the standard library. Beyond it the standard library's count too: ``pkgutil`` tries
        modules one after the other, and passes over those that cannot be imported.
        """
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the one way to see who imports
        is_inside = False
        while frame is not None:
            file = frame.f_code.co_filename
            in_machinery = file.startswith(_MACHINERY[0]) or file.endswith(_MACHINERY[1:]) or file == __file__
            is_inside = is_inside or not (in_machinery or self._is_standard(os.path.realpath(file)))
            if is_inside and not in_machinery:
                yield frame
            frame = frame.f_back

    def _is_users(self, frame: FrameType) -> bool:
        """Whether the user wrote the code; code that was pickled by value has no file here."""
        file = os.path.realpath(frame.f_code.co_filename)
        if file.startswith((*self._generated, self._package + os.sep)) or self._is_standard(file):
            return False
        return file.startswith(self._own) or not self._owners_of(str(frame.f_globals.get("__name__", "")))

    def _in_words(self, frame: FrameType) -> str:
        file = os.path.realpath(frame.f_code.co_filename)
        for place in self._own:
            if file.startswith(place):
                return "code/" + Path(file).relative_to(place).as_posix()
        name = str(frame.f_globals.get("__name__", ""))
        owners = self._owners_of(name)
        return min(owners) if owners else name

    def _note_missing_file(self, path: str) -> None:
        if path not in self.missing_files:
            self.missing_files.append(path)
            self._journal.add("missing", path)

    def _note_listed_folder(self, path: str) -> None:
        if path not in self.listed_folders:
            self.listed_folders.append(path)
            self._journal.add("listed", path)


def _is_probed() -> bool:
    """Whether somebody only asks whether the module is there: ``importlib.util.find_spec``."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - see above
    while frame is not None:
        if frame.f_code.co_filename.endswith(_PROBE) and frame.f_code.co_name == "find_spec":
            return True
        if not frame.f_code.co_filename.startswith(_MACHINERY[0]) and frame.f_code.co_filename != __file__:
            return False
        frame = frame.f_back
    return False


def _has_fallback(frame: FrameType, *, any_error: bool) -> bool:
    tree = _tree(frame.f_code.co_filename)
    return tree is not None and guards_imports(tree, frame.f_lineno, any_error=any_error)


@cache
def _tree(file: str) -> ast.Module | None:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None
