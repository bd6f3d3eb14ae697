"""What changes for callers: differences of ``schema.json`` in words, each breaking or compatible.

A change of what is sent is compatible if every request that was taken still is. A change of what comes back is
compatible if whoever read the answers still can: a Predictor with the old schema, or a program that reads the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cdk_modelbuilder.comparing.bundles.bundle_text import BundleText
from cdk_modelbuilder.comparing.bundles.payload_forms import Form, form_of
from cdk_modelbuilder.comparing.json_data import canonical, differences, same
from cdk_modelbuilder.comparing.report import ABSENT, Change, Facet, Group, Mark, Section, section_of
from cdk_modelbuilder.comparing.wording import quoted

_NUMBER: Final = re.compile(r"(bool|boolean|u?int|float)(\d*)", re.IGNORECASE)
_EXTENDING: Final = frozenset({"anyOf", "oneOf", "enum", "categories"})
_WORDS: Final = {"categories": "known values", "anyOf": "one of", "oneOf": "one of", "enum": "allowed values",
                 "null": "may be null", "class": "class"}  # fmt: skip
_ORDER: Final = {"bool": 0, "uint": 1, "int": 1, "float": 2}


@dataclass(frozen=True, slots=True)
class _Direction:
    """One direction of a schema.

    Attributes:
        title: What it is called.
        sent: Whether callers send it; else they get it.
    """

    title: str
    sent: bool


_DIRECTIONS: Final = {"input": _Direction("Input", sent=True), "output": _Direction("Output", sent=False)}


def schema_section(old: BundleText, new: BundleText) -> list[Section]:
    """What changes in the schema."""
    groups = []
    for name, direction in _DIRECTIONS.items():
        before, after = old.schema.get(name), new.schema.get(name)
        groups.append(Group(direction.title, tuple(_direction(before, after, direction))))
    lines = list(_rest(old.schema, new.schema, frozenset(_DIRECTIONS)))
    return section_of(Facet.SCHEMA, "Schema", *groups, Group("", tuple(lines)))


def direction_text(schema: Mapping[str, Any], name: str) -> str:
    """One direction in a few words."""
    given = schema.get(name)
    return str(form_of(given.get("codec"), given.get("spec"))) if isinstance(given, Mapping) else "none"


def _direction(old: Any, new: Any, direction: _Direction) -> Iterator[Change]:
    if same(old, new):
        return
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        yield Change("the whole direction", ABSENT if old is None else old, ABSENT if new is None else new,
                     (Mark.UNCLEAR,))  # fmt: skip
        return
    yield from _content_types(old.get("content_types"), new.get("content_types"), direction)
    if old.get("codec") != new.get("codec"):
        one, other = (str(form_of(side.get("codec"), side.get("spec"))) for side in (old, new))
        yield Change("kind of payload", one, other, (Mark.BREAKING,), "another codec reads and writes it")
    else:
        before, after = (form_of(side.get("codec"), side.get("spec")) for side in (old, new))
        lines = list(_forms(before, after, direction, ""))
        yield from lines
        if not lines and not same(old.get("spec"), new.get("spec")):
            yield Change("how it was derived", marks=(Mark.COMPATIBLE,), note="in what callers do not see")
    yield from _rest(old, new, frozenset({"codec", "content_types", "spec"}))


def _rest(old: Mapping[str, Any], new: Mapping[str, Any], known: frozenset[str]) -> Iterator[Change]:
    before, after = ({key: value for key, value in side.items() if key not in known} for side in (old, new))
    for item in differences(before, after):
        yield Change(quoted(item.place), item.old, item.new, (Mark.UNCLEAR,))


def _content_types(old: Any, new: Any, direction: _Direction) -> Iterator[Change]:
    if same(old, new):
        return
    if not (_are_texts(old) and _are_texts(new)):
        yield Change("content types", old, new, (Mark.UNCLEAR,))
        return
    for text in sorted(set(old) - set(new)):
        yield Change("content type", text, ABSENT, (Mark.BREAKING,))
    for text in sorted(set(new) - set(old)):
        yield Change("content type", ABSENT, text, (Mark.COMPATIBLE,))
    if old[:1] != new[:1]:
        header = "Content-Type" if direction.sent else "Accept"
        first, now = (side[0] if side else ABSENT for side in (old, new))
        note = f"it is what counts without {header}"
        yield Change("native content type", first, now, (Mark.BREAKING,), note)
    elif set(old) == set(new):
        yield Change("order of content types", old, new, (Mark.COMPATIBLE,))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _forms(old: Form, new: Form, direction: _Direction, place: str) -> Iterator[Change]:
    """Everything in which two forms differ; ``place`` is in words, empty at the top."""
    before = f"{place}: " if place else ""
    if old.kind != new.kind:
        gone_wide = direction.sent and new.kind == "anything"
        mark = Mark.COMPATIBLE if gone_wide else Mark.BREAKING
        yield Change(f"{before}kind", str(old), str(new), (mark,))
        return
    for name in sorted(old.facts.keys() | new.facts.keys()):
        one, other = old.facts.get(name, ABSENT), new.facts.get(name, ABSENT)
        if not same(one, other):
            yield from _fact(name, one, other, direction, before)
    yield from _parts(old, new, direction, place)


def _fact(name: str, old: Any, new: Any, direction: _Direction, before: str) -> Iterator[Change]:
    if name == "dtype":
        mark, note = _dtype(old, new, direction)
        yield Change(f"{before}dtype", old, new, (mark,), note)
    elif name == "shape" and isinstance(old, list) and isinstance(new, list):
        yield Change(f"{before}shape", _shape(old), _shape(new), (_shape_mark(old, new, direction),), "")
    elif name in _EXTENDING and isinstance(old, list) and isinstance(new, list):
        yield from _allowed(f"{before}{_WORDS[name]}", old, new, direction)
    elif name == "null":
        widened = new is True
        mark = Mark.COMPATIBLE if widened == direction.sent else Mark.BREAKING
        yield Change(f"{before}{_WORDS[name]}", old is True, new is True, (mark,))
    else:
        words = _WORDS.get(name, quoted(name))
        mark = Mark.COMPATIBLE if name.endswith(("description", "title")) else Mark.UNCLEAR
        yield Change(f"{before}{words}", old, new, (mark,))


def _dtype(old: Any, new: Any, direction: _Direction) -> tuple[Mark, str]:
    if direction.sent and holds_all(new, old):
        return Mark.COMPATIBLE, "every value that fitted still does"
    return Mark.BREAKING, ""


def holds_all(wide: Any, narrow: Any) -> bool:
    """Whether payloads of dtype ``narrow`` are taken where ``wide`` is expected, whatever their values are.

    Integers are taken for floats, as docs/payloads.md says.
    """
    if not isinstance(wide, str) or not isinstance(narrow, str):
        return False
    wide, narrow = (text.removesuffix(", big-endian") for text in (wide, narrow))
    to, of = _NUMBER.fullmatch(wide), _NUMBER.fullmatch(narrow)
    if to is None or of is None or (_is_nullable(narrow) and not _is_nullable(wide)):
        return False
    kinds = [found.group(1).lower().replace("boolean", "bool") for found in (to, of)]
    bits = [int(found.group(2) or 1) for found in (to, of)]
    if kinds[0] == kinds[1]:
        return bits[0] >= bits[1]
    if kinds == ["int", "uint"]:
        return bits[0] > bits[1]
    if kinds == ["float", "uint"] and bits == [16, 16]:  # a half ends at 65504
        return False
    if kinds[0] == "float" and bits[0] == 16 and bits[1] > 16:
        return False
    return _ORDER[kinds[0]] > _ORDER[kinds[1]]


def _is_nullable(dtype: str) -> bool:
    return dtype[0].isupper() or dtype == "boolean"


def _shape(shape: list[Any]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"


def _shape_mark(old: list[Any], new: list[Any], direction: _Direction) -> Mark:
    if len(old) != len(new):
        return Mark.BREAKING
    wide, narrow = (new, old) if direction.sent else (old, new)
    fits = all(one is None or same(one, other) for one, other in zip(wide, narrow, strict=True))
    return Mark.COMPATIBLE if fits else Mark.BREAKING


def _allowed(words: str, old: list[Any], new: list[Any], direction: _Direction) -> Iterator[Change]:
    before, after = ({canonical(entry): entry for entry in entries} for entries in (old, new))
    if before.keys() == after.keys():
        yield Change(words, old, new, (Mark.UNCLEAR,), "in another order")
    for text in sorted(before.keys() - after.keys()):
        yield Change(words, before[text], ABSENT, (Mark.BREAKING if direction.sent else Mark.COMPATIBLE,))
    for text in sorted(after.keys() - before.keys()):
        yield Change(words, ABSENT, after[text], (Mark.COMPATIBLE if direction.sent else Mark.BREAKING,))


def _parts(old: Form, new: Form, direction: _Direction, place: str) -> Iterator[Change]:
    inside = f"{place}, " if place else ""
    noun = new.noun
    removed = [name for name in old.parts if name not in new.parts]
    added = [name for name in new.parts if name not in old.parts]
    for before, after in _renamed(old, new, removed, added):
        removed.remove(before)
        added.remove(after)
        note = f"the {noun} {quoted(after)} stands where it stood and is like it"
        yield Change(f"{inside}{noun} renamed", before, after, (Mark.BREAKING,), note)
    for name in removed:
        needed = old.closed or not direction.sent
        yield Change(f"{inside}{noun}", name, ABSENT, (Mark.BREAKING if needed else Mark.COMPATIBLE,))
    for name in added:
        free = (name in new.optional or not direction.sent) and not new.closed
        free = free or (direction.sent and name in new.optional)
        note = "" if name in new.optional or not direction.sent else "required"
        mark = Mark.COMPATIBLE if free else Mark.BREAKING
        yield Change(f"{inside}{noun}", ABSENT, f"{name} {new.parts[name]}".strip(), (mark,), note)
    both = [name for name in old.parts if name in new.parts]
    for name in both:
        called = f"{inside}{noun}" if name == "[]" else f"{inside}{noun} {quoted(name)}"
        if (name in old.optional) != (name in new.optional):
            loosened = name in new.optional
            mark = Mark.COMPATIBLE if loosened == direction.sent else Mark.BREAKING
            yield Change(f"{called}: required", name not in old.optional, not loosened, (mark,))
        yield from _forms(old.parts[name], new.parts[name], direction, called)
    order = [name for name in new.parts if name in old.parts]
    if both != order and noun == "column":
        note = "rows without names (CSV without a header, lists) are read in the new order"
        yield Change(f"{inside}order of {noun}s", both, order, (Mark.UNCLEAR,), note)


def _renamed(old: Form, new: Form, removed: list[str], added: list[str]) -> list[tuple[str, str]]:
    """Parts that stand in the same place and are alike, but for the name."""
    if old.noun == "entry":
        return []
    old_places, new_places = list(old.parts), list(new.parts)
    found = []
    for before in removed:
        index = old_places.index(before)
        after = new_places[index] if index < len(new_places) else None
        if (
            after in added
            and old.parts[before] == new.parts[after]
            and (before in old.optional) == (after in new.optional)
        ):
            found.append((before, after))
    return found
