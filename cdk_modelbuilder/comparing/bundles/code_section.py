"""The code that runs: the user's and the generated one as a diff, the runtime by whether the package ships it so."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.bundle import json_bytes
from cdk_modelbuilder.comparing.bundles.bundle_text import BundleText
from cdk_modelbuilder.comparing.bundles.model_section import CODE_FOLDER
from cdk_modelbuilder.comparing.report import ABSENT, Change, Diff, Facet, Group, Mark, Section, section_of
from cdk_modelbuilder.comparing.wording import clean, counted, hides_something, listed, quoted
from cdk_modelbuilder.integrity import verifier

RUNTIME: Final = "code/modelbuilder_runtime/"
_SCHEMA_COPY: Final = f"{RUNTIME}schema.json"
_DERIVED: Final = (_SCHEMA_COPY, f"{RUNTIME}openapi.json")
_MOST_LINES: Final = 5000
"""Longer files are no code that anybody reviews line by line, and comparing them takes the square of that."""


class _ChangedFile(NamedTuple):
    path: str
    old: bytes | None
    new: bytes | None


def code_section(old: BundleText, new: BundleText) -> list[Section]:
    """What changes in the code."""
    changed = list(_changed_files(old, new))
    derived = [file for file in changed if file.path in _DERIVED]
    runtime = [file for file in changed if _is_ours(file.path) and file not in derived]
    own = [file for file in changed if file not in derived and file not in runtime]
    return section_of(
        Facet.CODE,
        "Code",
        _group("", own, old, new),
        _runtime_group(runtime, old, new),
        _derived_group(derived, new),
    )


def tampered_lines(old: BundleText, new: BundleText) -> Iterator[Change]:
    """Files of the new bundle that are not what its manifest says, or that it does not list, unless they were so."""
    before = _not_as_listed(old)
    for path, words in _not_as_listed(new).items():
        if path not in before:
            yield Change(f"{quoted(path)} {words}", marks=(Mark.SECURITY,), note="no container will start with it")


def _not_as_listed(bundle: BundleText) -> dict[str, str]:
    found: dict[str, str] = {}
    here = {path.removeprefix("model/") for path in bundle.tree.files("model")}
    for path in sorted(here - bundle.files.keys()):
        if not path.startswith(f"{verifier.METADATA_FOLDER}/"):
            found[path] = "is not listed in the manifest"
    for path in sorted(here & bundle.files.keys()):
        if path.startswith(CODE_FOLDER):
            data = bundle.model_file(path)
            if data is not None and not bundle.is_as_listed(path, data):
                found[path] = "is not what the manifest says"
    return found


def _changed_files(old: BundleText, new: BundleText) -> Iterator[_ChangedFile]:
    paths = {path for bundle in (old, new) for path in bundle.files}
    paths |= {path.removeprefix("model/") for bundle in (old, new) for path in bundle.tree.files("model/code")}
    for path in sorted(paths):
        if not path.startswith(CODE_FOLDER):
            continue
        before, after = old.model_file(path), new.model_file(path)
        if path not in old.files and path not in new.files:
            differs = before != after
        else:  # a text that is not here says nothing about the one that is
            both = before is not None and after is not None
            differs = old.files.get(path) != new.files.get(path) or (both and before != after)
        if differs:
            yield _ChangedFile(path, before, after)


def _group(title: str, files: list[_ChangedFile], old: BundleText, new: BundleText, *, folded: bool = False) -> Group:
    diffs: list[Diff] = []
    changes: list[Change] = []
    for file in files:
        diff = _diff(file, old, new, folded=folded)
        if diff is not None:
            diffs.append(diff)
        else:
            changes.append(_by_digest(file, old, new))
    return Group(title, tuple(changes), tuple(diffs), folded=folded)


def _runtime_group(files: list[_ChangedFile], old: BundleText, new: BundleText) -> Group | None:
    shipped = [file.path for file in files if _is_shipped(file.path, new)]
    gone = [file.path for file in files if file.path not in new.files]
    others = [file for file in files if file.path not in shipped and file.path not in gone]
    changes = []
    for paths, words in ((shipped, f"as cdk-modelbuilder {__version__} ships"), (gone, "not needed any more")):
        if paths:
            it = "it" if len(paths) == 1 else "them"
            said = f"{counted(len(paths), 'file')} {words}" + (f" {it}" if paths is shipped else "")
            changes.append(Change(said, marks=(Mark.FOLLOWS,), note=listed(paths)))
    group = _group("Runtime that travels with the bundle", others, old, new, folded=True)
    if others:
        same_version = new.info.get("builder_version") == __version__
        marks = (Mark.SECURITY,) if same_version else (Mark.UNCLEAR,)
        note = (
            f"not as cdk-modelbuilder {__version__} ships it"
            if same_version
            else f"made by cdk-modelbuilder {quoted(new.info.get('builder_version'))}; this is {__version__}"
        )
        changes.append(Change(counted(len(others), "file"), marks=marks, note=note))
    return Group(group.title, (*changes, *group.changes), group.diffs, folded=not others)


def _derived_group(files: list[_ChangedFile], new: BundleText) -> Group | None:
    changes = []
    for file in files:
        follows = file.path != _SCHEMA_COPY or new.is_as_listed(file.path, json_bytes(new.schema))
        changes.append(
            Change(quoted(file.path), marks=(Mark.FOLLOWS,), note="follows from schema.json")
            if follows
            else Change(quoted(file.path), marks=(Mark.SECURITY,), note="is signed, and not the same as schema.json")
        )
    return Group("Made from the schema", tuple(changes))


def _diff(file: _ChangedFile, old: BundleText, new: BundleText, *, folded: bool) -> Diff | None:
    """The diff, or None where a side's text is not here, or is no text."""
    is_new, is_gone = file.path not in old.files and file.old is None, file.path not in new.files and file.new is None
    before = [] if is_new else _lines(file.old)
    after = [] if is_gone else _lines(file.new)
    if before is None or after is None:
        return None
    lines = list(difflib.unified_diff(before, after, "/dev/null" if is_new else f"a/{file.path}",
                                      "/dev/null" if is_gone else f"b/{file.path}", lineterm=""))  # fmt: skip
    if not lines and not is_new and not is_gone:
        return None  # only the ends of lines differ
    hidden = any(hides_something(line) for line in lines if line.startswith("+"))
    note = "new" if is_new else "removed" if is_gone else ""
    if hidden:
        note = "; ".join(filter(None, (note, "holds characters that hide or turn the text around them")))
    return Diff(
        clean(file.path),
        tuple(clean(line, keep="\t") for line in lines),
        (Mark.SECURITY,) if hidden else (),
        note,
        folded=folded,
    )


def _by_digest(file: _ChangedFile, old: BundleText, new: BundleText) -> Change:
    digests = []
    for bundle in (old, new):
        listed = bundle.files.get(file.path)
        digests.append(ABSENT if listed is None else listed.digests[0] if len(listed.digests) == 1
                       else f"{len(listed.digests)} shards")  # fmt: skip
    missing = " and ".join(
        words
        for words, data, digest in (("the old one", file.old, digests[0]), ("the new one", file.new, digests[1]))
        if data is None and digest is not ABSENT
    )
    note = f"{missing} is not here" if missing else "no text to compare"
    return Change(quoted(file.path), digests[0], digests[1], note=note)


def _lines(data: bytes | None) -> list[str] | None:
    if data is None or b"\0" in data:
        return None
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return None
    return None if len(lines) > _MOST_LINES else lines


def _is_ours(path: str) -> bool:
    return path.startswith(RUNTIME) or path in _shipped_files()


def _is_shipped(path: str, bundle: BundleText) -> bool:
    place = _shipped_files().get(path)
    return place is not None and place.is_file() and bundle.is_as_listed(path, place.read_bytes())


@cache
def _shipped_files() -> dict[str, Path]:
    """Path in a bundle -> the package's own copy."""
    package = Path(verifier.__file__).resolve().parents[1]
    found = {
        f"code/modelbuilder_{name}.py": package / "integrity" / f"{source}.py"
        for name, source in (
            ("verify", "verifier"),
            ("public_signature", "public_signature"),
            ("stored_key", "stored_key"),
        )
    }
    found[f"{RUNTIME}unpickle.py"] = package / "integrity" / "unpickle.py"
    for path in (package / "schema" / "codecs").glob("*.py"):
        found[f"{RUNTIME}codecs/{path.name}"] = path
    return found
