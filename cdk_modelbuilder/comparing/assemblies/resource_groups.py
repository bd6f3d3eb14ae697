"""One group of the report for each resource to which something happens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from cdk_modelbuilder.comparing.assemblies.cloud_assembly import Resource
from cdk_modelbuilder.comparing.assemblies.exposure import protections, public_ways
from cdk_modelbuilder.comparing.assemblies.intrinsics import plain, readable
from cdk_modelbuilder.comparing.assemblies.permission_changes import ATTACHMENTS, BOUNDARY
from cdk_modelbuilder.comparing.assemblies.policies import in_a_statement
from cdk_modelbuilder.comparing.assemblies.replacement import Effect
from cdk_modelbuilder.comparing.assemblies.resource_changes import ResourceChange
from cdk_modelbuilder.comparing.assemblies.service_words import ORDER, described, in_short, words_for
from cdk_modelbuilder.comparing.json_data import Difference, leaves, place_of, same
from cdk_modelbuilder.comparing.report import ABSENT, Change, Group, Mark
from cdk_modelbuilder.comparing.wording import listed, quoted

ROOT_TAG: Final = "cdk-modelbuilder:root-sha256"
"""The tag that repeats a model's digest on what serves it."""
_ELSEWHERE: Final = "its statements are below"


def resource_groups(changes: Iterable[ResourceChange]) -> list[Group]:
    """The groups, in the order in which a reviewer asks."""
    changes = list(changes)
    digests = [(difference.old, difference.new) for change in changes for difference in change.properties
               if words_for(difference.place)[0] == "model digest"]  # fmt: skip
    return [_group(change, digests) for change in sorted(changes, key=_rank)]


def resource_title(resource: Resource) -> str:
    """A resource as a heading calls it."""
    kind = resource.type.removeprefix("AWS::").replace("::", " ")
    if resource.path:
        path = resource.path.removesuffix("/Resource")  # as the CDK calls what an L2 construct is made of
        return f"{quoted(path)} ({quoted(kind)} {quoted(resource.logical_id)})"
    return f"{quoted(resource.logical_id)} ({quoted(kind)})"


def exposure_lines(change: ResourceChange) -> list[Change]:
    """What became public, and which protection is gone."""
    old, new = change.pair
    if new is None:
        return []
    ways = public_ways(new) - (public_ways(old) if old is not None else set())
    lost = protections(old) - protections(new) if old is not None else set()
    return [Change(words, marks=(Mark.SECURITY,)) for words in (*sorted(ways), *sorted(lost))]


def _rank(change: ResourceChange) -> tuple[int, str]:
    kind = change.pair.either.type
    return ORDER.index(kind) if kind in ORDER else len(ORDER), change.pair.either.logical_id


def _group(change: ResourceChange, digests: list[tuple[Any, Any]]) -> Group:
    lines = exposure_lines(change)
    is_whole = change.effect in (Effect.CREATED, Effect.REMOVED)
    if is_whole:
        lines += _whole(change.pair.either, created=change.effect == Effect.CREATED)
    else:
        lines += _property_lines(change, digests)
    marks = (Mark.REPLACED,) if change.effect == Effect.REPLACED and not _is_content_named(change) else ()
    return Group(
        resource_title(change.pair.either),
        tuple(lines),
        marks=marks,
        note=_note(change),
        folded=is_whole and all(line.marks in ((), (Mark.FOLLOWS,)) for line in lines),
        as_facts=is_whole,
    )


def _is_content_named(change: ResourceChange) -> bool:
    """A policy that is called by its content is a new one with every change, beside the old one: nothing is lost."""
    return change.is_renamed and change.pair.either.type == "AWS::IAM::ManagedPolicy"


def _note(change: ResourceChange) -> str:
    old = change.pair.old
    words = change.effect.value
    if change.effect in (Effect.CREATED, Effect.REMOVED):
        either = change.pair.either
        return ": ".join(filter(None, (words, in_short(either.type, plain(readable(either.properties))))))
    if _is_content_named(change):
        return "changed: a new policy beside the old one, which goes last"
    if change.is_renamed and old is not None:
        words += f", because its logical id was {quoted(old.logical_id)}"
    elif change.because:
        words += f", because of {listed(change.because)}"
    if change.name_conflict is not None:
        words += (
            f"; this will fail: the new one cannot be called {quoted(change.name_conflict)} while the old one is there"
        )
    return words


def _whole(resource: Resource, *, created: bool) -> list[Change]:
    """What a resource says that was not there before, or is not any more: a line a property, or a fact."""
    lines = []
    for name, value in sorted(resource.properties.items(), key=lambda item: str(item[0])):
        if in_a_statement(resource, (str(name),)) or name == "Tags":
            continue
        whole = plain(readable(value))
        facts = [(path, fact) for path, fact in leaves(whole, (str(name),)) if words_for(place_of(path))[0]]
        for path, fact in facts or [((str(name),), whole)]:
            shown = _summed_up(path, fact)
            old, new = (ABSENT, shown) if created else (shown, ABSENT)
            lines.append(Change(described(place_of(path)), old, new, place=place_of(path)))
    if not lines and resource.properties:
        lines.append(Change(_ELSEWHERE, marks=(Mark.FOLLOWS,)))
    return lines


def _property_lines(change: ResourceChange, digests: list[tuple[Any, Any]]) -> list[Change]:
    shown = [
        fact
        for difference in change.properties
        if not _is_said_elsewhere(change, difference) and not _repeats(difference, digests)
        for fact in _facts(difference)
    ]
    shown.sort(key=lambda difference: not words_for(difference.place)[0])  # what a reviewer asks for comes first
    lines = [_line(difference) for difference in (*shown, *change.attributes)]
    whole = {difference.place for difference in change.properties}
    lines += [
        Change(f"{described(name)} is another", marks=(Mark.FOLLOWS,), note=f"{quoted(target)} is replaced")
        for name, target in change.follows
        if name not in whole
    ]
    if not lines and change.properties:
        elsewhere = any(_is_said_elsewhere(change, difference) for difference in change.properties)
        lines.append(Change(_ELSEWHERE if elsewhere else "a tag repeats the model's digest", marks=(Mark.FOLLOWS,)))
    return lines


def _facts(difference: Difference) -> list[Difference]:
    """What is added or removed as a whole, fact by fact, if a reviewer has words for any."""
    whole = difference.new if difference.old is ABSENT else difference.old
    if ABSENT not in (difference.old, difference.new) or not isinstance(whole, Mapping | list):
        return [difference]
    inside = [
        Difference(path, *((ABSENT, fact) if difference.old is ABSENT else (fact, ABSENT)))
        for path, fact in leaves(whole, difference.path)
    ]
    return inside if any(words_for(fact.place)[0] for fact in inside) else [difference]


def _line(difference: Difference) -> Change:
    place = difference.place
    old, new = _shown(difference.path, difference.old), _shown(difference.path, difference.new)
    note = ""
    if difference.path[-1:] == ("[order]",):
        note = "in another order"
    elif same(old, new):  # an expression beside a text that reads like it
        note = "the one is worked out by CloudFormation, the other a text"
    marks = (Mark.SECURITY,) if words_for(place)[0] == "accepted finding" and new is not ABSENT else ()
    return Change(described(place), old, new, marks, note, place)


def _shown(path: tuple[str, ...], value: Any) -> Any:
    return ABSENT if value is ABSENT else _summed_up(path, plain(value))


def _summed_up(path: tuple[str, ...], value: Any) -> Any:
    """A dashboard is a long text of JSON, of which a reviewer wants the titles."""
    if path[-1:] != ("DashboardBody",) or not isinstance(value, str):
        return value
    return {"widgets": list(_widgets(value)), "length": len(value)}


def _widgets(text: str) -> Iterator[str]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return
    widgets = body.get("widgets") if isinstance(body, Mapping) else None
    for widget in widgets if isinstance(widgets, list) else ():
        properties = widget.get("properties") if isinstance(widget, Mapping) else None
        if isinstance(properties, Mapping):
            yield str(properties.get("title", widget.get("type")))


def _is_said_elsewhere(change: ResourceChange, difference: Difference) -> bool:
    old, new = change.pair
    if old is not None and new is not None and new.type.startswith("AWS::IAM::"):
        name = difference.path[0] if difference.path else ""
        if name in ATTACHMENTS or name == BOUNDARY:
            return True
    return any(side is not None and in_a_statement(side, difference.path) for side in (old, new))


def _repeats(difference: Difference, digests: list[tuple[Any, Any]]) -> bool:
    if difference.path[-2:-1] != (f"[{ROOT_TAG}]",):
        return False
    return any(same(difference.old, old) and same(difference.new, new) for old, new in digests)
