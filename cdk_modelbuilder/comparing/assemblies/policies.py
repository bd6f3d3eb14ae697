"""Policy documents of a template as statements, and whether one allows what others did not.

Source: the IAM guide's page "IAM JSON policy elements reference".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final, NamedTuple

from cdk_modelbuilder.comparing.assemblies.cloud_assembly import Resource
from cdk_modelbuilder.comparing.assemblies.intrinsics import Expression, plain, readable, text_of
from cdk_modelbuilder.comparing.assemblies.resource_matching import DIGEST
from cdk_modelbuilder.comparing.json_data import canonical, place_of

_MOST_ATOMS: Final = 4096
PERMISSION: Final = "AWS::Lambda::Permission"
_KNOWN: Final = frozenset({"Sid", "Effect", "Action", "Resource", "Principal", "Condition"})


class Condition(NamedTuple):
    """``operator`` asks that the value of ``key`` be among ``values``."""

    operator: str
    key: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.operator} {self.key} {' or '.join(self.values)}"


@dataclass(frozen=True)
class Statement:
    """One statement of a policy document.

    Attributes:
        sid: Its name; empty without one.
        allows: Whether it allows; else it denies.
        actions: What.
        resources: On what; ``("",)`` where the document says it, as in a trust policy.
        principals: By whom; ``("",)`` where the document's owner says it.
        conditions: If what; all of them must hold.
        other: What else there is (``NotAction`` and the like, or what is no statement), as text: with it, nobody can
            tell which of two allows more.
    """

    sid: str
    allows: bool
    actions: tuple[str, ...] = ("",)
    resources: tuple[str, ...] = ("",)
    principals: tuple[str, ...] = ("",)
    conditions: tuple[Condition, ...] = ()
    other: str = ""

    def __str__(self) -> str:
        words = ["allow" if self.allows else "deny", ", ".join(filter(None, self.actions)) or "nothing it names"]
        if any(self.resources):
            words += ["on", ", ".join(self.resources)]
        if any(self.principals):
            words += ["to" if self.allows else "for", ", ".join(self.principals)]
        if self.conditions:
            words += ["if", " and ".join(map(str, self.conditions))]
        return " ".join([*words, self.other] if self.other else words)

    @property
    def content(self) -> Statement:
        """The statement without its name."""
        return replace(self, sid="")

    @property
    def is_public(self) -> bool:
        """Whether it allows anybody on whatever condition there is not."""
        return self.allows and not self.conditions and bool({"*", "AWS:*"} & set(self.principals))


@dataclass(frozen=True)
class Document:
    """A policy document of a resource.

    Attributes:
        place: The property that holds it.
        owners: Whose permissions it decides: roles for a policy of theirs, else the resource itself.
        statements: In the template's order.
        of_principals: Whether it says what somebody may do, and not what may be done with the resource.
    """

    place: str
    owners: tuple[str, ...]
    statements: tuple[Statement, ...]
    of_principals: bool = False


def documents_of(resource: Resource, names: Mapping[str, str]) -> list[Document]:
    """Every policy document of a resource; what :func:`in_a_statement` says is in there."""
    name = names.get(resource.logical_id, resource.logical_id)
    if resource.type == PERMISSION:
        return [Document("", (f"{name}.",), (_permission(readable(resource.properties, names)),))]
    found = []
    for path, document in _find(resource.properties):
        place = place_of(path)
        statements = document["Statement"]
        statements = statements if isinstance(statements, list) else [statements]
        read = tuple(_statement(readable(one, names)) for one in statements)
        owners, of_principals = _owners(resource, name, place, names)
        found.append(Document(place, owners, read, of_principals))
    return found


def in_a_statement(resource: Resource, path: tuple[str, ...]) -> bool:
    """Whether a property's path leads to or into statements, for which there is a section of its own."""
    if resource.type == PERMISSION:
        return True
    asked = _without_brackets(path)
    for found, _ in _find(resource.properties):
        inside = (*_without_brackets(found), "Statement")
        if asked[: len(inside)] == inside or inside[: len(asked)] == asked:
            return True
    return False


def uncovered(wanted: Statement, by: Iterable[Statement]) -> list[tuple[str, str, str]]:
    """What (action, resource, principal) ``wanted`` does and no one of ``by`` does."""
    others = [other for other in by if other.allows == wanted.allows]
    if any(other.content == wanted.content for other in others):
        return []
    atoms = list(product(wanted.actions, wanted.resources, wanted.principals))
    if wanted.other or len(atoms) > _MOST_ATOMS:
        return atoms
    others = [other for other in others if not other.other and asks_no_more(other.conditions, wanted.conditions)]
    return [atom for atom in atoms if not any(_does(other, *atom) for other in others)]


def matches(pattern: str, text: str) -> bool:
    """Whether all that ``text`` means, itself perhaps with wild cards, is meant by ``pattern``."""
    position = for_pattern = mark = 0
    star = -1  # where the last wild card is that anything may stand for
    while position < len(text):
        char = pattern[for_pattern] if for_pattern < len(pattern) else None
        if char == "*":
            star, mark = for_pattern, position
            for_pattern += 1
        elif char is not None and (char == text[position] or (char == "?" and text[position] != "*")):
            for_pattern += 1
            position += 1
        elif star >= 0:
            mark += 1
            for_pattern, position = star + 1, mark
        else:
            return False
    return not pattern[for_pattern:].strip("*")


def without_digest(text: str) -> str:
    """``text`` as another artifact of the same place would have it."""
    return DIGEST.sub("<digest>", text)


def _does(statement: Statement, action: str, resource: str, principal: str) -> bool:
    return (
        any(matches(own.lower(), action.lower()) for own in statement.actions)
        and any(matches(own, resource) for own in statement.resources)
        and any(own in (principal, "*") or (own == "AWS:*" and principal.startswith("AWS:")) for own in
                statement.principals)
    )  # fmt: skip


def asks_no_more(own: tuple[Condition, ...], wanted: tuple[Condition, ...]) -> bool:
    """Whether each of ``own`` holds wherever all of ``wanted`` do."""
    by_key = {(condition.operator, condition.key): set(condition.values) for condition in wanted}
    for operator, key, values in own:
        asked = by_key.get((operator, key))
        if asked is None or not (asked == set(values) if "Not" in operator else asked <= set(values)):
            return False
    return True


def _find(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        if "Statement" in value and path:
            yield path, value
            return
        for name in sorted(value, key=str):
            yield from _find(value[name], (*path, str(name)))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            name = entry.get("PolicyName") if isinstance(entry, Mapping) else None
            yield from _find(entry, (*path, f"[{name if isinstance(name, str) else index}]"))


def _without_brackets(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in path if not name.startswith("["))


def _owners(resource: Resource, name: str, place: str, names: Mapping[str, str]) -> tuple[tuple[str, ...], bool]:
    """Whose permissions a document decides, and whether these are principals."""
    if resource.type in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
        found = []
        for kind in ("Roles", "Users", "Groups"):
            entries = resource.properties.get(kind)
            found += [text_of(readable(entry, names)) for entry in entries] if isinstance(entries, list) else []
        return tuple(sorted(found)) or (f"{name}.{place}",), True
    if resource.type.startswith("AWS::IAM::") and place.startswith("Policies["):
        return (f"${{{name}}}",), True
    return (f"{name}.{place}",), False


def _statement(given: Any) -> Statement:
    if not isinstance(given, Mapping):
        return Statement("", allows=True, other=text_of(given))
    other = {str(key): plain(value) for key, value in given.items() if key not in _KNOWN}
    effect, condition = given.get("Effect"), given.get("Condition", {})
    if effect not in ("Allow", "Deny"):
        other["Effect"] = plain(effect)
    if not isinstance(condition, Mapping) or not all(isinstance(keys, Mapping) for keys in condition.values()):
        other["Condition"], condition = plain(condition), {}
    sid = given.get("Sid")
    return Statement(
        sid=sid if isinstance(sid, str) else "",
        allows=effect != "Deny",
        actions=_texts(given.get("Action")),
        resources=_texts(given.get("Resource")),
        principals=_principals(given.get("Principal")),
        conditions=tuple(
            Condition(str(operator), str(key), _texts(values))
            for operator, keys in sorted(condition.items())
            for key, values in sorted(keys.items())
        ),
        other=canonical(other) if other else "",
    )


def _permission(properties: Mapping[str, Any]) -> Statement:
    """A Lambda permission is a statement in the function's policy; each of these asks for something."""
    asked = ("SourceArn", "SourceAccount", "PrincipalOrgID", "EventSourceToken", "FunctionUrlAuthType",
             "InvokedViaFunctionUrl")  # fmt: skip
    return Statement(
        sid="",
        allows=True,
        actions=_texts(properties.get("Action")),
        resources=_texts(properties.get("FunctionName")),
        principals=_texts(properties.get("Principal")),
        conditions=tuple(Condition("StringEquals", key, _texts(properties[key])) for key in asked if key in properties),
    )


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ("",)
    if isinstance(value, list):
        return tuple(sorted({text_of(entry) for entry in value})) or ("",)
    return (text_of(value),)


def _principals(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping) and not isinstance(value, Expression):
        found = {f"{kind}:{text}" for kind, given in value.items() for text in _texts(given)}
        return tuple(sorted(found)) or ("",)
    return _texts(value)
