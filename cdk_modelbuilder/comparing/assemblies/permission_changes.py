"""Who may do more, or less: policy documents statement by statement, and what is attached to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cdk_modelbuilder.comparing.assemblies.intrinsics import readable, text_of
from cdk_modelbuilder.comparing.assemblies.policies import (
    Condition,
    Document,
    Statement,
    asks_no_more,
    documents_of,
    uncovered,
)
from cdk_modelbuilder.comparing.assemblies.resource_changes import StackChanges
from cdk_modelbuilder.comparing.assemblies.resource_matching import Pair
from cdk_modelbuilder.comparing.assemblies.statement_matching import moved_resources, pair_statements
from cdk_modelbuilder.comparing.report import ABSENT, Change, Group, Mark
from cdk_modelbuilder.comparing.wording import quoted

ATTACHMENTS: Final = {
    "ManagedPolicyArns": "has the managed policy",
    "Roles": "is for the role",
    "Users": "is for the user",
    "Groups": "is for the group",
}
"""Properties of IAM's resources -> what an entry says. Another entry is more that somebody may do."""
BOUNDARY: Final = "PermissionsBoundary"

_FOLLOWS: Final = "another artifact in the same place"
_WILD: Final = "with a wild card"


@dataclass(slots=True)
class _Side:
    """All statements of one template, by whose permissions they decide."""

    by_owner: dict[str, list[Statement]] = field(default_factory=lambda: defaultdict(list))

    def add(self, documents: Iterable[Document]) -> None:
        for document in documents:
            for owner in document.owners:
                self.by_owner[owner] += document.statements

    def uncovered(self, statement: Statement, owners: Sequence[str]) -> set[tuple[str, str, str]]:
        return {atom for owner in owners for atom in uncovered(statement, self.by_owner.get(owner, ()))}


def compare_permissions(changes: StackChanges, account: str = "") -> list[Group]:
    """What changes in permissions, one group for each document.

    Args:
        changes: What happens to the stack's resources.
        account: The stack's own account; empty if it is not known.
    """
    home = frozenset(f"AWS:arn:${{AWS::Partition}}:iam::{name}:root" for name in (account, "${AWS::AccountId}") if name)
    old_side, new_side = _Side(), _Side()
    documents: list[tuple[Pair, dict[str, Document], dict[str, Document]]] = []
    for pair in changes.pairs:
        before = [] if pair.old is None else documents_of(pair.old, changes.old_names)
        after = [] if pair.new is None else documents_of(pair.new, {})
        old_side.add(before)
        new_side.add(after)
        documents.append((pair, {item.place: item for item in before}, {item.place: item for item in after}))
    groups: list[Group] = []
    for pair, old, new in documents:
        for place in sorted(old.keys() | new.keys()):
            lines = _document(pair, old.get(place), new.get(place), old_side, new_side)
            lines = [_at_home(line, home) if pair.old is None else line for line in lines]
            if lines:
                groups.append(Group(_title(pair, place), tuple(lines)))
        attached = _attachments(pair, changes.old_names)
        if attached:
            groups.append(Group(_title(pair, ""), tuple(attached)))
    return groups


def _title(pair: Pair, place: str) -> str:
    resource = pair.either
    name = quoted(resource.path.removesuffix("/Resource") or resource.logical_id)
    kind = resource.type.removeprefix("AWS::").replace("::", " ")
    known = {"AssumeRolePolicyDocument": ", who may take on the role", "PolicyDocument": "", "": ""}
    return f"{name} ({quoted(kind)}){known.get(place, f', {quoted(place)}')}"


def _at_home(line: Change, home: frozenset[str]) -> Change:
    """A new resource whose policy leaves it to the account who may use it lets nobody do more."""
    left_to_it = isinstance(line.new, str) and any(line.new.endswith(f" to {root}") for root in home)
    return replace(line, marks=(), note="left to the account's own policies") if left_to_it else line


def _document(pair: Pair, old: Document | None, new: Document | None, before: _Side, after: _Side) -> list[Change]:
    if pair.new is None and old is not None and not old.of_principals:
        return []  # nobody can use what is gone
    if old is not None and new is not None and old.statements == new.statements:
        return []
    lines: list[Change] = []
    for one, other in pair_statements(old.statements if old else (), new.statements if new else ()):
        if one is not None and other is not None and one.content == other.content:
            continue
        comparison = _Comparison(
            one, other, before, after, old.owners if old else (), new.owners if new else ()
        )  # fmt: skip
        lines += comparison.lines()
    return lines


@dataclass(frozen=True)
class _Comparison:
    """One statement before and after; one of them may not be there."""

    old: Statement | None
    new: Statement | None
    before: _Side
    after: _Side
    old_owners: Sequence[str]
    new_owners: Sequence[str]

    def lines(self) -> list[Change]:
        old, new = self.old, self.new
        if old is not None and new is not None and old.allows == new.allows and not (old.other or new.other):
            return self._changed(old, new)
        lines = []
        if old is not None:
            lost = not old.allows and bool(self.after.uncovered(old, self.old_owners))
            marks = (Mark.WIDENED,) if lost else ()
            lines.append(
                Change(_words(old), str(old), ABSENT, marks, "what it denied is denied no more" if lost else "")
            )
        if new is not None:
            gained = new.allows and bool(self.before.uncovered(new, self.new_owners))
            lines.append(Change(_words(new), ABSENT, str(new), *_said(new, gained=gained)))
        return lines

    def _changed(self, old: Statement, new: Statement) -> list[Change]:
        """Item by item, where an item is marked if it lets somebody do more."""
        moved = moved_resources(old.resources, new.resources)
        back = {other: one for one, other in moved.items()}
        # With another artifact in the place of the old one, nobody may do more.
        stayed = replace(new, resources=tuple(sorted(back.get(text, text) for text in new.resources)))
        if new.allows:
            wider = self.before.uncovered(stayed, self.new_owners)
        else:
            kept = _Side({owner: [stayed if one is new else one for one in self.after.by_owner[owner]]
                          for owner in self.old_owners if owner in self.after.by_owner})  # fmt: skip
            wider = kept.uncovered(old, self.old_owners)
        words = _words(new)
        lines = [
            Change(f"{words}: resource", one, other, (Mark.FOLLOWS,), _FOLLOWS) for one, other in sorted(moved.items())
        ]
        explained = False
        for index, (kind, was, now) in enumerate(
            (
                ("action", old.actions, new.actions),
                ("resource", old.resources, stayed.resources),
                ("principal", old.principals, new.principals),
            )
        ):
            items = {atom[index] for atom in wider}
            for item in sorted(set(was) - set(now)):
                is_wider = not new.allows and item in items
                explained = explained or is_wider
                lines.append(Change(f"{words}: {kind}", item, ABSENT, (Mark.WIDENED,) if is_wider else ()))
            for item in sorted(set(now) - set(was)):
                is_wider = new.allows and item in items
                explained = explained or is_wider
                lines.append(Change(f"{words}: {kind}", ABSENT, item, *_said_of(item, kind, is_wider=is_wider)))
        weaker = bool(wider) and not (
            asks_no_more(old.conditions, new.conditions) if new.allows else asks_no_more(new.conditions, old.conditions)
        )
        lines += _conditions(old, new, weaker=weaker)
        if wider and not explained and not weaker:
            said = "in combinations that were not allowed before"
            lines.append(Change(words, str(old), str(new), (Mark.WIDENED,), said))
        return lines


def _conditions(old: Statement, new: Statement, *, weaker: bool) -> list[Change]:
    before, after = (
        {(item.operator, item.key): item for item in conditions} for conditions in (old.conditions, new.conditions)
    )
    return [
        Change(
            f"{_words(new)}: condition",
            _shown(before.get(key)),
            _shown(after.get(key)),
            (Mark.WIDENED,) if weaker else (),
        )
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _shown(condition: Condition | None) -> object:
    return ABSENT if condition is None else str(condition)


def _words(statement: Statement) -> str:
    return f"statement {quoted(statement.sid)}" if statement.sid else "a statement"


def _said(statement: Statement, *, gained: bool) -> tuple[tuple[Mark, ...], str]:
    marks: list[Mark] = []
    notes: list[str] = []
    if gained:
        marks.append(Mark.WIDENED)
        if any("*" in text for text in (*statement.actions, *statement.resources)):
            notes.append(_WILD)
    if gained and statement.is_public:
        marks.append(Mark.SECURITY)
        notes.append("for everybody")
    return tuple(marks), ", ".join(notes)


def _said_of(item: str, kind: str, *, is_wider: bool) -> tuple[tuple[Mark, ...], str]:
    if not is_wider:
        return (), ""
    if kind == "principal" and item in ("*", "AWS:*"):
        return (Mark.SECURITY, Mark.WIDENED), "for everybody"
    return (Mark.WIDENED,), _WILD if "*" in item or "?" in item else ""


def _attachments(pair: Pair, old_names: Mapping[str, str]) -> list[Change]:
    if not pair.either.type.startswith("AWS::IAM::"):
        return []
    lines: list[Change] = []
    for name, words in ATTACHMENTS.items():
        sides = []
        for resource, names in ((pair.old, old_names), (pair.new, {})):
            given = None if resource is None else resource.properties.get(name)
            entries = given if isinstance(given, list) else [] if given is None else [given]
            sides.append({text_of(readable(entry, names)) for entry in entries})
        # Who a new policy is for follows from its owner, and is said by its statements.
        if pair.old is None or pair.new is None:
            sides = sides if name == "ManagedPolicyArns" else [set(), set()]
        lines += [Change(words, text, ABSENT) for text in sorted(sides[0] - sides[1])]
        lines += [Change(words, ABSENT, text, (Mark.WIDENED,)) for text in sorted(sides[1] - sides[0])]
    old, new = (None if resource is None else resource.properties.get(BOUNDARY) for resource in (pair.old, pair.new))
    shown = [ABSENT if value is None else text_of(readable(value)) for value in (old, new)]
    if shown[0] != shown[1] and pair.old is not None:
        marks = (Mark.WIDENED,) if old is not None and pair.new is not None else ()
        lines.append(Change("its permissions boundary", shown[0], shown[1], marks))
    return lines
