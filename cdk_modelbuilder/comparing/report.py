"""What a comparison found, as plain values: the Markdown and the JSON are two ways to write the same report.

    Report ── Part (a bundle, or a cloud assembly) ── Section (a facet) ── Group ── Change, Diff

Nothing found is an empty report.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class _Absent:
    """What is not there, which is something else than a null that is."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


class Mark(StrEnum):
    """What a reviewer is told about a change at a glance. The values are words of ``--fail-on``."""

    SECURITY = "security"
    """Weakens or touches what protects the service."""
    BREAKING = "breaking"
    """Requests that worked fail, or answers look otherwise."""
    WIDENED = "widened"
    """Somebody may do more than before."""
    REPLACED = "replaced"
    """CloudFormation makes a new resource and removes the old one."""
    MAJOR = "major"
    """Another major version, or an older one."""
    UNCLEAR = "unclear"
    """Whether callers notice cannot be told."""
    COMPATIBLE = "compatible"
    """Requests that worked still do."""
    FOLLOWS = "follows"
    """Follows from another change: nothing to decide here."""


class Facet(StrEnum):
    """What a section is about. The values are words of ``--fail-on``, too."""

    FINDINGS = "findings"
    MODEL = "model"
    CODE = "code"
    DEPENDENCIES = "dependencies"
    SCHEMA = "schema"
    CONTAINER = "container"
    GOLDEN = "golden"
    IAM = "iam"
    RESOURCES = "resources"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the report.

    Attributes:
        what: What changed, in words; names from outside are quoted.
        old: Before, as JSON data; ``ABSENT`` if it was not there.
        new: After; both are ``ABSENT`` where the words say it all.
        marks: For the reviewer's eye.
        note: What that means.
        place: Path of the property or variable, as machines ask for it; empty if it is none.
    """

    what: str
    old: Any = ABSENT
    new: Any = ABSENT
    marks: tuple[Mark, ...] = ()
    note: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Diff:
    """A unified diff of a text file.

    Attributes:
        path: The file.
        lines: The diff's lines without ends.
        marks: For the reviewer's eye.
        note: What the file is.
        folded: Whether it is of lesser interest.
    """

    path: str
    lines: tuple[str, ...]
    marks: tuple[Mark, ...] = ()
    note: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Changes of one thing.

    Attributes:
        title: The thing; empty for the section's own.
        changes: Lines.
        diffs: Text files.
        marks: Of the thing as a whole.
        note: Of the thing as a whole.
        as_table: Whether the changes are alike, so that a table shows them better than a list.
        folded: Whether it is of lesser interest.
        as_facts: Whether all of it is new, or all of it gone, so that its values are facts and no changes.
    """

    title: str
    changes: tuple[Change, ...] = ()
    diffs: tuple[Diff, ...] = ()
    marks: tuple[Mark, ...] = ()
    note: str = ""
    as_table: bool = False
    folded: bool = False
    as_facts: bool = False

    def all_marks(self) -> Iterator[Mark]:
        """The group's own marks and those of its lines, as often as they were given."""
        yield from self.marks
        for change in self.changes:
            yield from change.marks
        for diff in self.diffs:
            yield from diff.marks

    @property
    def follows(self) -> bool:
        """Whether all of it follows from other changes."""
        marks = [change.marks for change in self.changes] + [diff.marks for diff in self.diffs]
        return bool(marks) and not self.marks and all(Mark.FOLLOWS in given for given in marks)


@dataclass(frozen=True, slots=True)
class Section:
    """Changes of one facet.

    Attributes:
        facet: Which one.
        title: Its heading.
        groups: What changed.
    """

    facet: Facet
    title: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What changed in one bundle, or one cloud assembly.

    Attributes:
        title: Its name.
        summary: What a reviewer reads first: one fact each.
        sections: All of it.
    """

    title: str
    summary: tuple[str, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found; falsy if nothing was.

    Attributes:
        parts: What changed, bundle by bundle.
    """

    parts: tuple[Part, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.parts)

    @property
    def words(self) -> frozenset[str]:
        """The facets that changed and the marks that were given, as ``--fail-on`` calls them."""
        found = {mark.value for mark in self.marks()}
        for part in self.parts:
            found |= {section.facet.value for section in part.sections if needs_review(section)}
        return frozenset(found)

    def marks(self) -> Iterator[Mark]:
        """Every mark that was given, as often as it was."""
        for part in self.parts:
            for section in part.sections:
                for group in section.groups:
                    yield from group.all_marks()


def section_of(facet: Facet, title: str, *groups: Group | None) -> list[Section]:
    """The section with what there is in ``groups``; none if there is nothing."""
    kept = tuple(group for group in groups if group is not None and (group.changes or group.diffs or group.note))
    return [Section(facet, title, kept)] if kept else []


def needs_review(section: Section) -> bool:
    """Whether a section holds more than what follows from other changes."""
    return any(not group.follows for group in section.groups)
