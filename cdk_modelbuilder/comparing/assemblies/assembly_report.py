"""The report of two cloud assemblies: stack by stack, resources first, then permissions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from cdk_modelbuilder.comparing.assemblies.cloud_assembly import CloudAssembly, Stack
from cdk_modelbuilder.comparing.assemblies.intrinsics import plain, readable
from cdk_modelbuilder.comparing.assemblies.permission_changes import compare_permissions
from cdk_modelbuilder.comparing.assemblies.replacement import Effect
from cdk_modelbuilder.comparing.assemblies.resource_changes import ResourceChange, StackChanges, compare_resources
from cdk_modelbuilder.comparing.assemblies.resource_groups import resource_groups, resource_title
from cdk_modelbuilder.comparing.assemblies.service_words import HEADLINES, words_for
from cdk_modelbuilder.comparing.json_data import Difference, differences, is_plain
from cdk_modelbuilder.comparing.report import ABSENT, Change, Facet, Group, Mark, Part, Section, section_of
from cdk_modelbuilder.comparing.secret_values import Masking, findings
from cdk_modelbuilder.comparing.wording import counted, quoted

_NOTHING: Final = Stack("", {})
_MOST_HEADLINES: Final = 8


def compare_assemblies(old: CloudAssembly | None, new: CloudAssembly | None) -> list[Part]:
    """A part for every stack in which something changes.

    Args:
        old: The assembly before; None if there was none.
        new: The assembly after; None if there is none any more.
    """
    before = old.stacks if old is not None else {}
    after = new.stacks if new is not None else {}
    parts = []
    for name in sorted(before.keys() | after.keys()):
        part = compare_stacks(before.get(name), after.get(name))
        if part is not None:
            parts.append(part)
    return parts


def compare_stacks(old: Stack | None, new: Stack | None) -> Part | None:
    """What changes in one stack; None if nothing does."""
    named = new if new is not None else old
    assert named is not None
    changes = compare_resources(old or _NOTHING, new or _NOTHING)
    permissions = compare_permissions(changes, _account(named))
    sections = [
        *section_of(Facet.FINDINGS, "Secrets", Group("", tuple(_secrets(changes)))),
        *section_of(Facet.TEMPLATE, "Stack", Group("", tuple(_beside_the_resources(old, new)))),
        *section_of(Facet.RESOURCES, "Resources", *resource_groups(changes.changes)),
        *section_of(Facet.IAM, "Permissions", *permissions),
    ]
    if not sections and old is not None and new is not None:
        return None
    state = "new stack" if old is None else "stack removed" if new is None else ""
    summary = _summary(changes, sections, state)
    return Part(f"Stack {quoted(named.name)}", tuple(summary), tuple(sections))


def _account(stack: Stack) -> str:
    """The stack's account; empty where it is known only when it is deployed."""
    found = re.match(r"aws://(\d+)/", str(stack.settings.get("environment")))
    return found.group(1) if found else ""


def _secrets(changes: StackChanges) -> list[Change]:
    """What looks like a secret in any resource that is new or changed, whether it is shown below or not."""
    masking = Masking()
    for change in changes.changes:
        resource = change.pair.new
        if resource is not None:
            masking.value(plain(readable(resource.properties)), "", resource_title(resource))
    return findings(masking)


def _beside_the_resources(old: Stack | None, new: Stack | None) -> list[Change]:
    if old is None or new is None:
        return []
    lines = [_line(difference) for difference in differences(readable(old.settings), readable(new.settings))]
    return lines + [_line(difference) for difference in differences(readable(old.rest), readable(new.rest))]


def _line(difference: Difference) -> Change:
    old, new = (value if value is ABSENT else plain(value) for value in (difference.old, difference.new))
    if difference.path == ("terminationProtection",) and new is ABSENT:
        note = "the stack can be deleted in one step"
        return Change(quoted(difference.place), old, new, (Mark.SECURITY,), note, difference.place)
    return Change(quoted(difference.place), old, new, place=difference.place)


def _summary(changes: StackChanges, sections: Iterable[Section], state: str) -> list[str]:
    lines = [state] if state else []
    if not state:
        lines += _headlines(changes.changes)
    effects = Counter(change.effect for change in changes.changes)
    told = [f"{number} {effect.value}" for effect in Effect if (number := effects.get(effect))]
    lines += [", ".join(told)] if told else []
    for section in sections:
        if section.facet == Facet.IAM and not state:
            marks = Counter(mark for group in section.groups for change in group.changes for mark in change.marks)
            lines.append(_permissions_in_words(marks))
        if section.facet == Facet.TEMPLATE:
            lines.append("the stack's own settings change")
    marks = Counter(mark for section in sections for group in section.groups for mark in group.all_marks())
    if marks[Mark.SECURITY]:
        lines.append(f"{counted(marks[Mark.SECURITY], 'line')} on security")
    return lines


def _permissions_in_words(marks: Mapping[Mark, int]) -> str:
    if marks.get(Mark.WIDENED):
        return f"permissions are wider in {counted(marks[Mark.WIDENED], 'place')}"
    return "permissions follow the artifact" if marks.get(Mark.FOLLOWS) else "permissions are not wider"


def _headlines(changes: Iterable[ResourceChange]) -> list[str]:
    """The facts that belong in one line, each once, as many resources repeat them."""
    found: dict[str, str] = {}
    for change in changes:
        for difference in change.properties:
            words, of = words_for(difference.place)
            if words in HEADLINES and is_plain(difference.old) and is_plain(difference.new):
                old, new = ("none" if value is ABSENT else quoted(_short(plain(value)))
                            for value in (difference.old, difference.new))  # fmt: skip
                name = f"{words} of {quoted(of)}" if of and of != "AllTraffic" else words
                found.setdefault(f"{name} {old} → {new}", words)
    lines = sorted(found, key=lambda line: HEADLINES.index(found[line]))
    kept = lines[:_MOST_HEADLINES]
    return kept if len(lines) <= _MOST_HEADLINES else [*kept, f"{len(lines) - _MOST_HEADLINES} facts more"]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) == 64 and set(text) <= set("0123456789abcdef"):
        return text[:12]
    return text if len(text) <= 80 else f"{text[:40]}…{text[-39:]}"
