"""Finds out by running the code what it needs: what is not on the list is missing, until it proves to be needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from cdk_modelbuilder.building import code_folder
from cdk_modelbuilder.building.rehearsal import Access, Rehearsal, Request, rehearse
from cdk_modelbuilder.dependencies.beside_code import asked_for, module_at
from cdk_modelbuilder.dependencies.delivery import write_source
from cdk_modelbuilder.dependencies.evidence import Evidence
from cdk_modelbuilder.dependencies.installed import Installed
from cdk_modelbuilder.dependencies.local_source import LocalSource, collect, source_file
from cdk_modelbuilder.dependencies.package_list import PackageList
from cdk_modelbuilder.errors import SelfTestError

_MOST_RUNS = 12
_MISSING_MODULE = re.compile(r"No module named '([\w.]+)'")
_OWN_RUNTIME = "code/modelbuilder_runtime/"  # whose libraries are known: what it tries beyond them is nobody's concern
_UNFIT = "UnfitPredictionError: "


@dataclass(frozen=True, slots=True)
class Captured:
    """What the code needs, and what it answered.

    Attributes:
        roots: Distribution, as installed -> why it is needed.
        left_out: Distribution or module that it can do without -> why.
        response: Body of the answer to the sample.
        response_type: Its content type.
        added: Paths below ``code/`` of what was put there while it ran.
        notes: What the user should know.
    """

    roots: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)
    response: bytes = b""
    response_type: str = ""
    added: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


class Capture:
    """One capture by running.

    Args:
        request: The sample, and the folder whose code answers it.
        list_of: The packages for some roots.
        barred: Distributions that the user leaves out.
        check: Raises SelfTestError if an answer (body, content type) is not what the model answers in memory.
        evidence_of: What more source imports.
        own: Editable installs that the user's own code is from.
    """

    def __init__(
        self,
        request: Request,
        *,
        list_of: Callable[[Mapping[str, str]], PackageList],
        barred: Collection[str],
        check: Callable[[bytes, str], object],
        evidence_of: Callable[[LocalSource], Evidence],
        own: frozenset[str],
    ) -> None:
        self._request, self._list_of, self._barred = request, list_of, frozenset(barred)
        self._check, self._evidence_of, self._own = check, evidence_of, own
        self._code = request.model_dir / "code"
        self._tried: set[str] = set()
        self._added: set[str] = set()
        self._data_files: set[str] = set()
        self._guessed: set[str] = set()

    def run(self, evidence: Evidence, source: LocalSource) -> Captured:
        """Run until the answer is right, letting in what it proves to need.

        Args:
            evidence: What was read from the files.
            source: The user's source; what else turns out to be needed of it is added.

        Raises:
            SelfTestError: The code fails, or answers something else, with everything that is installed here.
            DependencyError: It needs a package that cannot be pinned or shipped.
        """
        roots, left_out = dict(evidence.roots), dict(evidence.left_out)
        for _ in range(_MOST_RUNS):
            seen = self._seen_with(self._written(roots))
            more = self._more_source(seen, source)
            if more is not None:
                roots.update({name: why for name, why in more.roots.items() if name not in roots})
                left_out.update(more.left_out)
                continue
            problem = self._problem(seen)
            if problem is None:
                return self._captured(*self._without_needless(seen, roots), left_out)
            named = _named_in(seen.error or str(problem), seen.refused)
            granted = {name: who for name, who in (named or seen.refused).items() if name not in self._barred}
            if not granted:
                raise self._of_excluded(seen) or problem
            self._guessed.update({} if named else granted)
            roots.update({name: f"imported by {who}" for name, who in {**seen.admitted, **granted}.items()})
        raise SelfTestError(
            "the packaged code needs one more package in every run on sample_input.",
            remedy="Name what it needs in dependencies={'custom': [...]}.",
        )

    def _seen_with(self, allowed: Collection[str]) -> Rehearsal:
        seen = rehearse(self._request, Access(allowed, self._barred))
        # Their modules are among the user's; only their metadata may still have been read where they are installed.
        return replace(seen, admitted={name: who for name, who in seen.admitted.items() if name not in self._own})

    def _written(self, roots: Mapping[str, str]) -> set[str]:
        """The distributions that are there for ``roots``; the source of those that are shipped is written."""
        packages = self._list_of(roots)
        before = set(_paths(self._code))
        write_source(packages, self._code, self._own)
        self._added |= set(_paths(self._code)) - before
        return {*packages.selection.needed} - {*packages.selection.vendored}

    def _without_needless(self, seen: Rehearsal, roots: dict[str, str]) -> tuple[Rehearsal, dict[str, str]]:
        """Takes out again what was let in because a failure named no package, and what the code can do without.

        Each costs a run, which is why they are not tried one by one to begin with; what is shipped as source stays.
        """
        for name in sorted(self._guessed)[:_MOST_RUNS] if len(self._guessed) > 1 else ():
            fewer = {root: why for root, why in roots.items() if root != name}
            needed = self._list_of(fewer).selection
            if name in needed.needed:  # another one requires it
                roots = fewer
            elif name not in self._list_of(roots).selection.vendored:
                again = self._seen_with({*needed.needed} - {*needed.vendored})
                if name not in again.admitted and self._problem(again) is None:
                    seen, roots = again, fewer
        return seen, roots

    def _captured(self, seen: Rehearsal, roots: dict[str, str], left_out: dict[str, str]) -> Captured:
        here = self._written(roots)
        for name, who in seen.admitted.items():
            if name not in here:  # else what was imported before it requires it
                roots.setdefault(name, f"imported by {who}")
                here = self._written(roots)
        for name, who in seen.refused.items():
            if name not in here and not who.startswith(_OWN_RUNTIME):
                left_out.setdefault(name, f"{who} goes on without it")
        notes: tuple[str, ...] = ()
        if self._data_files:
            notes = (f"data files are shipped because the code opens them: {', '.join(sorted(self._data_files))}.",)
        return Captured(roots, left_out, seen.response, seen.response_type, frozenset(self._added), notes)

    def _problem(self, seen: Rehearsal) -> SelfTestError | None:
        if seen.error:
            return failure(seen)
        try:
            self._check(seen.response, seen.response_type)
        except SelfTestError as error:
            return error
        return None

    def _of_excluded(self, seen: Rehearsal) -> SelfTestError | None:
        """The error where the code fails for want of what the user excludes."""
        named = _named_in(seen.error, {name: who for name, who in seen.refused.items() if name in self._barred})
        if not named:
            return None
        tail = "\n".join(seen.error.splitlines()[-15:])
        return SelfTestError(
            f"the packaged code failed on sample_input without {', '.join(named)}:\n{tail}\n",
            remedy="dependencies={'exclude': [...]} leaves that out: take it off that list.",
        )

    def _more_source(self, seen: Rehearsal, source: LocalSource) -> Evidence | None:
        """Ships modules and data files of the user's that only the running code asked for; None if there are none."""
        more, data = LocalSource(distributions=set(source.distributions)), {}
        installed = Installed.here()
        missing = {*seen.unowned, *_MISSING_MODULE.findall(seen.error)} - self._tried
        # A local module that has the name of an installed one comes first here, and was not in the bundle.
        hidden = {module for name in seen.admitted for module in _modules_of(name, editable=False)} - self._tried
        self._tried |= missing | hidden
        for module in sorted(missing | hidden):
            is_ours = module in hidden or source.distributions.issuperset(installed.owners(module))
            if is_ours and source_file(module) is not None:
                more.update(collect([module]))
        folders = [module.replace(".", "/") for module in sorted(missing) if source_file(module) is None]
        for file in (*seen.missing_files, *seen.listed_folders, *folders):
            if file not in self._tried:
                self._tried.add(file)
                for place, original in asked_for(file, source.places):
                    found = collect([module_at(place)]) if original.suffix == ".py" else LocalSource()
                    if place in found.files:
                        more.update(found)
                    elif place not in source.files:
                        data[place] = original.read_bytes() or b"\n"
                        self._data_files.add(f"code/{place}")
        more.files.update(data)
        if more.files.keys() <= source.files.keys():
            return None
        source.update(more)
        before = set(_paths(self._code))
        code_folder.write_source(self._code, source)
        self._added |= set(_paths(self._code)) - before
        return self._evidence_of(more)


def _modules_of(name: str, *, editable: bool = True) -> Sequence[str]:
    found = Installed.here().get(name)
    return () if found is None or (found.editable_modules and not editable) else found.modules


def _paths(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def failure(seen: Rehearsal) -> SelfTestError:
    """The error for a run that ended without an answer."""
    lines = seen.error.splitlines()
    unfit = next((line.partition(_UNFIT)[2] for line in reversed(lines) if _UNFIT in line), None)
    if unfit:
        return unfit_prediction(unfit)
    missing = next((line for line in reversed(lines) if line.startswith("ModuleNotFoundError")), None)
    remedy = (
        "The module is neither installed nor shipped: import it at the top of the spec's module, or name it in "
        "dependencies={'custom': [...]}."
        if missing
        else "Run load() and invoke() on the sample by hand to see it; the lines above are from a fresh process."
    )
    tail = "\n".join(lines[-15:])
    return SelfTestError(f"the packaged code failed on sample_input in a fresh process:\n{tail}\n", remedy=remedy)


def unfit_prediction(reason: str) -> SelfTestError:
    """The error for an answer that is not like the sample, whichever side noticed it."""
    return SelfTestError(
        f"the prediction for sample_input does not look like sample_output: {reason}",
        remedy="Give as sample_output what the model returns for sample_input.",
    )


def _named_in(error: str, refused: Mapping[str, str]) -> dict[str, str]:
    """Those of the packages kept out that the error speaks of, by their own names or by their modules'."""
    words = set(re.findall(r"[A-Za-z0-9_]+(?:[-.][A-Za-z0-9_]+)*", error))
    words |= {part for word in words for part in word.split(".")}
    words = {canonicalize_name(word) for word in words}
    named: dict[str, str] = {}
    for name, who in refused.items():
        modules = _modules_of(name)
        known_as = {name, *map(canonicalize_name, modules)}
        if known_as & words:
            named[name] = who
    return named
