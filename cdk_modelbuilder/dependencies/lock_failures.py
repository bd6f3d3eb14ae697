"""What uv says when it finds no solution, in the words of this project: which pin, why it is there, and the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.resolution import as_requirement, newest, resolve
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import DependencyError, IndexUnreachableError

_UNREACHABLE = re.compile(
    r"error sending request|Request failed after|Failed to fetch|network was disabled|operation timed out|dns error"
)
_REFUSED = re.compile(r"\b(401 Unauthorized|403 Forbidden|407 Proxy)|lack of valid authentication")
_TOO_OLD = re.compile(r"unexpected argument '(\S+)'|invalid value '(\S+)' for")
_WITHOUT_WHEEL = "which has no wheel for it"
_NO_WHEEL = r"\b{name}(?:=={version})? ha(?:s|ve) no (?:usable wheels|wheels with)"
_OTHER_PYTHON = r"\b{name}==\S+ (?:depends on|requires) (Python ?\S+?)[,.]?(?:\s|$)"
_NO_PROJECT = r"\b{name} was not found in (?:the package registry|the provided package locations)"
_NO_VERSION = r"there (?:is|are) no versions? of {name}\b"
_REQUIRED = re.compile(
    r"(?:all versions of )?(?P<name>[A-Za-z0-9][\w.-]*)(?:[=<>!~]\S*)? "
    r"(?P<why>ha(?:s|ve) no (?:usable wheels|wheels with)|was not found in)"
)
_WANTS = re.compile(
    r"(?P<parent>[A-Za-z0-9][\w.-]*)(?P<version>[=<>!~]\S*)? depends? on (?P<child>[A-Za-z0-9][\w.-]*)"
    r"(?P<range>[=<>!~]\S*)?"
)
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]*@")


@dataclass(frozen=True, slots=True)
class _Unavailable:
    pin: Pin
    because: str
    versions: tuple[str, ...]


def failure(said: str, pins: Sequence[Pin], target: Target, index_options: Sequence[str]) -> DependencyError:
    """The error for what uv said on standard error about ``pins``."""
    if _REFUSED.search(said):
        return DependencyError(
            f"the package index does not let us in: {_cause(said)}.",
            remedy="Put its user and password into ~/.netrc or a keyring, or into the settings of uv or pip.",
        )
    if _UNREACHABLE.search(said):
        return IndexUnreachableError(
            f"the package index does not answer: {_cause(said)}.",
            remedy="Is there a network, and is the index (UV_INDEX_URL, PIP_INDEX_URL) the right one? Without one, "
            "build with dependencies={'lock': False}; the list is unchecked then.",
        )
    if _TOO_OLD.search(said):
        return DependencyError(
            f"this uv is too old or too new: {_cause(said)}.", remedy="Install pip install 'cdk-modelbuilder[lock]'."
        )
    unavailable = [
        _Unavailable(pin, because, _nearest(pin, target, index_options))
        for pin, because in _unavailable(said, pins, target, index_options)
    ]
    if unavailable:
        listed = "; ".join(f"{one.pin.requirement} ({one.pin.reason}), {one.because}" for one in unavailable)
        return DependencyError(f"{_on(target)} cannot have {listed}.", remedy=_way_out(unavailable))
    return _contradiction(said, pins, target)


def _contradiction(said: str, pins: Sequence[Pin], target: Target) -> DependencyError:
    text = " ".join(said.split())
    names = {pin.name for pin in pins}
    required = next((one for one in _REQUIRED.finditer(text) if canonicalize_name(one["name"]) not in names), None)
    if required:
        parents = {found["parent"] for found in _WANTS.finditer(text) if found["child"] == required["name"]}
        by = f", which {', '.join(sorted(parents))} requires," if parents else ""
        why = "the index does not know it" if required["why"].startswith("was") else "it has no wheel for it"
        return DependencyError(
            f"{_on(target)} cannot have {required['name']}{by} because {why}. {_given(text, pins)}".rstrip(),
            remedy=f"Build a wheel of {required['name']} and give its path in dependencies={{'custom': [...]}}, name "
            "an index that has one, or do without what requires it.",
        )
    return DependencyError(
        f"the packages contradict each other on {_on(target)}: {_wishes(text, pins) or _cause(said)}. "
        f"{_given(text, pins)}".rstrip(),
        remedy="Change one of them in dependencies={'custom': [...]}, or install versions that fit and build again.",
    )


def _wishes(text: str, pins: Sequence[Pin]) -> str:
    """Who wants what, from sentences such as ``a==1 depends on b<2``; empty if there are none."""
    listed = {pin.name: pin.requirement for pin in pins}
    wishes = [found for found in _WANTS.finditer(text) if found["child"] != "Python"]
    said = [
        f"{listed.get(found['parent'], found['parent'] + (found['version'] or ''))} wants "
        f"{found['child']}{(found['range'] or '').rstrip(',.')}"
        for found in wishes
    ]
    had = sorted({listed[found["child"]] for found in wishes if found["child"] in listed})
    return "; ".join(dict.fromkeys(said)) + (f", but the list has {', '.join(had)}" if had and said else "")


def without_wheels(said: str, pins: Sequence[Pin], target: Target, index_options: Sequence[str]) -> frozenset[str]:
    """Names of the pins that the index has for the target in source only, as far as uv says that."""
    unavailable = _unavailable(said, pins, target, index_options)
    return frozenset(pin.name for pin, because in unavailable if because == _WITHOUT_WHEEL)


def _unavailable(said: str, pins: Sequence[Pin], target: Target, index_options: Sequence[str]) -> list[tuple[Pin, str]]:
    """The pins that cannot be had at all, and why. uv stops at the first, so it is asked again without that one."""
    found: list[tuple[Pin, str]] = []
    waiting = list(pins)
    while True:
        verdicts = ((pin, _verdict(pin, said)) for pin in waiting)
        pin, because = next(((pin, because) for pin, because in verdicts if because is not None), (None, ""))
        if pin is None:
            return found
        found.append((pin, because))
        waiting.remove(pin)
        again = resolve({one.name: as_requirement(one) for one in waiting}, target, index_options)
        if again.returncode == 0:
            return found
        said = again.stderr


def _verdict(pin: Pin, said: str) -> str | None:
    name = re.escape(pin.name).replace(r"\-", "[-_.]")
    if re.search(_NO_WHEEL.format(name=name, version=re.escape(pin.version) if pin.version else r"\S+"), said):
        return _WITHOUT_WHEEL
    needs = re.search(_OTHER_PYTHON.format(name=name), said)
    if needs:
        return f"which needs {needs[1].replace(' ', '')}"
    if re.search(_NO_PROJECT.format(name=name), said):
        return "which the index does not know"
    if re.search(_NO_VERSION.format(name=name), said):
        return "a version that the index does not have"
    return None


def _nearest(pin: Pin, target: Target, index_options: Sequence[str]) -> tuple[str, ...]:
    if pin.version is None:
        return ()
    below = newest(f"{pin.name}<{pin.version}", target, index_options)
    above = newest(f"{pin.name}>{pin.version}", target, index_options, lowest=True)
    return tuple(version for version in (below, above) if version)


def _way_out(unavailable: Sequence[_Unavailable]) -> str:
    other = [one for one in unavailable if one.versions]
    none = [one.pin.name for one in unavailable if not one.versions]
    remedies = []
    if other:
        lines = ", ".join(f"{' or '.join(f'{one.pin.name}=={version}' for version in one.versions)}" for one in other)
        remedies.append(
            f"The nearest that it can have: {lines}; install that here, train with it and build again, or choose an "
            "image with another Python."
        )
    if none:
        remedies.append(
            f"No other version of {', '.join(none)} is there for it: build a wheel and give its path in "
            "dependencies={'custom': [...]}, or name an index that has one (--extra-index-url in a requirements file)."
        )
    return " ".join(remedies)


def _on(target: Target) -> str:
    return f"Python {target.python} on {target.machine} ({target.image})"


def _given(said: str, pins: Sequence[Pin]) -> str:
    """Why the pins that uv names are there."""
    words = {canonicalize_name(word) for word in re.findall(r"[A-Za-z0-9][\w.-]*", said)}
    named = [f"{pin.requirement} is {pin.reason}" for pin in pins if pin.name in words]
    return "; ".join(named) + ("." if named else "")


def _cause(said: str) -> str:
    """The first sentence of the cause, on one line and without what may be a password."""
    text = _CREDENTIALS.sub("", said).partition("hint:")[0]
    causes = re.split(r"\n\s*(?:cause|Caused by):", text)
    cause = causes[1] if len(causes) > 1 and "No solution found" in causes[0] else f"{causes[0]}: {causes[-1]}"
    return " ".join(cause.removeprefix("error:").split()).rstrip(".")
