"""What the model is, who signed it, and which of its files are others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cdk_modelbuilder.comparing.bundles.bundle_text import BundleText, ListedFile
from cdk_modelbuilder.comparing.bundles.dependency_section import is_major
from cdk_modelbuilder.comparing.json_data import Difference, differences
from cdk_modelbuilder.comparing.report import ABSENT, Change, Facet, Group, Mark, Section, section_of
from cdk_modelbuilder.comparing.wording import quoted

CODE_FOLDER: Final = "code/"
UNPICKLED: Final = ("pickle", "cloudpickle", "skops")
"""Formats whose data name code to call."""

_DERIVED: Final = frozenset({"root_sha256", "manifest_sha256"})
_WORDS: Final = {
    "name": "name",
    "framework.name": "framework",
    "framework.version": "framework's version",
    "model.class": "class",
    "model.id": "model's id",
    "model.format": "format of the model's file",
    "model.predict_method": "method that predicts",
    "model.reproducible": "reproducible",
    "python": "Python that built it",
    "builder_version": "cdk-modelbuilder that built it",
    "mode": "runs by default as",
    "notes[]": "note",
    "notes": "notes",
}


def model_section(old: BundleText, new: BundleText) -> list[Section]:
    """What changes about the model itself."""
    return section_of(
        Facet.MODEL,
        "Model",
        Group("", (*_identity(old, new), *_signatures(old, new), *_info(old.info, new.info))),
        Group("Files", tuple(_files(old, new))),
    )


def size_text(size: int) -> str:
    """A number of bytes for people."""
    number = float(size)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def _identity(old: BundleText, new: BundleText) -> Iterator[Change]:
    if old.root_sha256 != new.root_sha256:
        yield Change("root digest", old.root_sha256, new.root_sha256)
    elif old.manifest_sha256 != new.manifest_sha256:
        yield Change("manifest digest", old.manifest_sha256, new.manifest_sha256, note="files have other names")


def _signatures(old: BundleText, new: BundleText) -> Iterator[Change]:
    before, after = old.signature.get("key_id", ABSENT), new.signature.get("key_id", ABSENT)
    if before != after:
        follows = old.root_sha256 != new.root_sha256
        note = "each content has a key of its own" if follows else "the same content, signed with another master key"
        yield Change("key id", before, after, (Mark.FOLLOWS,) if follows else (Mark.SECURITY,), note)
    known = {"key_id", "hmac", *_DERIVED}
    for difference in differences(
        {key: value for key, value in old.signature.items() if key not in known},
        {key: value for key, value in new.signature.items() if key not in known},
    ):
        yield Change(f"signature's {quoted(difference.place)}", difference.old, difference.new, (Mark.SECURITY,))
    if old.public_key_id != new.public_key_id:
        what = {
            (True, False): "signature for a public key: there is none any more",
            (False, True): "signature for a public key: there is one now",
        }.get((bool(old.public_key_id), bool(new.public_key_id)), "public key")
        added = not old.public_key_id
        yield Change(
            what,
            old.public_key_id or ABSENT,
            new.public_key_id or ABSENT,
            () if added else (Mark.SECURITY,),
            "" if added else "Integrity.public_key(...) of a deployment must be the same",
        )


def _info(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = ({key: value for key, value in info.items() if key not in _DERIVED} for info in (old, new))
    for difference in differences(before, after):
        yield _fact(difference)


def _fact(difference: Difference) -> Change:
    place, old, new = difference.place, difference.old, difference.new
    marks: tuple[Mark, ...] = ()
    note = ""
    if place.startswith("model.pickle_globals"):
        added = new is not ABSENT
        return Change(
            "global that the model's pickle data call", old, new, (Mark.SECURITY,) if added else (),
            "looked up when the model is loaded" if added else "",
        )  # fmt: skip
    if place == "model.format" and new in UNPICKLED:
        marks, note = (Mark.SECURITY,), "loading it calls what the file names, within the recorded globals"
    if place == "model.reproducible" and new is False:
        note = "the same inputs need not give the same digest"
    if place in ("framework.version", "framework.name", "python"):
        marks = _version_marks(old, new)
    return Change(_WORDS.get(place, quoted(place)), old, new, marks, note, place)


def _version_marks(old: Any, new: Any) -> tuple[Mark, ...]:
    return (Mark.MAJOR,) if isinstance(old, str) and isinstance(new, str) and is_major(old, new) else ()


def _files(old: BundleText, new: BundleText) -> Iterator[Change]:
    old_sizes, new_sizes = old.sizes(), new.sizes()
    for path in sorted(old.files.keys() | new.files.keys()):
        before, after = old.files.get(path), new.files.get(path)
        if path.startswith(CODE_FOLDER) or (before and after and before.digests == after.digests):
            continue
        yield Change(quoted(path), _described(before, old_sizes.get(path)), _described(after, new_sizes.get(path)))


def _described(listed: ListedFile | None, size: int | None) -> Any:
    if listed is None:
        return ABSENT
    digest = listed.digests[0][:12] if len(listed.digests) == 1 else f"{len(listed.digests)} shards"
    return digest if size is None else f"{digest}, {size_text(size)}"
