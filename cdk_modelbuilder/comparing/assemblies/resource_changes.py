"""What happens to each resource of a stack, with what follows from the resources that it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdk_modelbuilder.comparing.assemblies.cloud_assembly import Stack
from cdk_modelbuilder.comparing.assemblies.intrinsics import readable, references
from cdk_modelbuilder.comparing.assemblies.replacement import CREATE_ONLY, FIXED_NAME, Effect, effect_of
from cdk_modelbuilder.comparing.assemblies.resource_matching import Pair, pair_resources
from cdk_modelbuilder.comparing.json_data import Difference, differences, same


@dataclass(frozen=True)
class ResourceChange:
    """What happens to one resource.

    Attributes:
        pair: The resource before and after.
        effect: What CloudFormation does.
        properties: Where the properties differ; values may hold expressions.
        attributes: Where what stands beside them differs.
        because: Properties for whose sake it is replaced; none where it has a new logical id.
        follows: Property -> logical id of a replaced resource that it refers to, so that its value changes too.
    """

    pair: Pair
    effect: Effect
    properties: tuple[Difference, ...] = ()
    attributes: tuple[Difference, ...] = ()
    because: tuple[str, ...] = ()
    follows: tuple[tuple[str, str], ...] = ()

    @property
    def is_renamed(self) -> bool:
        """Whether it is another resource for CloudFormation because its logical id is another."""
        old, new = self.pair
        return old is not None and new is not None and old.logical_id != new.logical_id

    @property
    def name_conflict(self) -> str | None:
        """The fixed name that the old one still has when CloudFormation makes the new one, if there is such a one."""
        old, new = self.pair
        if self.effect != Effect.REPLACED or old is None or new is None:
            return None
        key = FIXED_NAME.get(new.type, "")
        name = new.properties.get(key)
        return name if isinstance(name, str) and name == old.properties.get(key) else None


@dataclass(frozen=True)
class StackChanges:
    """What happens to the resources of one stack.

    Attributes:
        pairs: Every resource of both templates.
        changes: Those to which something happens.
        old_names: How the old template's logical ids are called, which are other ones in the new template.
    """

    pairs: tuple[Pair, ...]
    changes: tuple[ResourceChange, ...]
    old_names: Mapping[str, str]


def compare_resources(old: Stack, new: Stack) -> StackChanges:
    """What happens to every resource."""
    pairs = pair_resources(old.resources, new.resources)
    names = _old_names(pairs, new)
    own = {index: _own_change(pair, names) for index, pair in enumerate(pairs)}
    _follow(pairs, own)
    changes = tuple(change for change in own.values() if change is not None)
    return StackChanges(tuple(pairs), changes, names)


def _old_names(pairs: list[Pair], new: Stack) -> dict[str, str]:
    names: dict[str, str] = {}
    for pair in pairs:
        if pair.old is None:
            continue
        name = pair.old.logical_id
        if pair.new is not None:
            names[name] = pair.new.logical_id
        elif name in new.resources:  # another type has the id now
            names[name] = f"{name} (before)"
    return {name: called for name, called in names.items() if name != called}


def _own_change(pair: Pair, names: Mapping[str, str]) -> ResourceChange | None:
    if pair.old is None:
        return ResourceChange(pair, Effect.CREATED)
    if pair.new is None:
        return ResourceChange(pair, Effect.REMOVED)
    properties = tuple(differences(readable(pair.old.properties, names), readable(pair.new.properties)))
    attributes = tuple(differences(_attributes(pair.old.attributes, names), _attributes(pair.new.attributes, {})))
    renamed = pair.old.logical_id != pair.new.logical_id
    if not properties and not attributes and not renamed:
        return None
    touched = frozenset(difference.path[0] for difference in properties if difference.path)
    effect = Effect.REPLACED if renamed else effect_of(pair.new.type, touched)
    because = sorted(touched & CREATE_ONLY.get(pair.new.type, frozenset()))
    return ResourceChange(pair, effect, properties, attributes, tuple(because))


def _attributes(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """They compare without the order of ``DependsOn``, and metadata one by one."""
    found = {"Metadata": {}, **{name: readable(value, names) for name, value in given.items()}}
    waits_for = given.get("DependsOn")
    if isinstance(waits_for, str | list):
        waits_for = [waits_for] if isinstance(waits_for, str) else waits_for
        found["DependsOn"] = sorted(names.get(str(name), str(name)) for name in waits_for)
    return found


def _follow(pairs: list[Pair], own: dict[int, ResourceChange | None]) -> None:
    """A reference to a replaced resource has another value, though the template says the same."""
    by_id = {pair.new.logical_id: index for index, pair in enumerate(pairs) if pair.new is not None}
    users: dict[int, list[tuple[int, str, str]]] = {}
    for index, pair in enumerate(pairs):
        if pair.old is None or pair.new is None:
            continue
        for name, value in pair.new.properties.items():
            for target in sorted(set(references(value)) & by_id.keys()):
                if target != pair.new.logical_id and not same(pair.old.properties.get(name), None):
                    users.setdefault(by_id[target], []).append((index, str(name), target))
    waiting = [index for index, change in own.items() if change is not None and change.effect == Effect.REPLACED]
    done: set[int] = set()
    while waiting:
        replaced = waiting.pop(0)
        if replaced in done:
            continue
        done.add(replaced)
        for index, name, target in users.get(replaced, ()):
            changed = _with_follower(pairs[index], own[index], name, target)
            own[index] = changed
            if changed.effect == Effect.REPLACED:
                waiting.append(index)


def _with_follower(pair: Pair, change: ResourceChange | None, name: str, target: str) -> ResourceChange:
    before = change or ResourceChange(pair, Effect.CHANGED)
    follows = tuple(sorted({*before.follows, (name, target)}))
    create_only = CREATE_ONLY.get(pair.either.type)
    effect, because = before.effect, before.because
    if create_only is None:
        effect = effect if effect == Effect.REPLACED else Effect.MAYBE_REPLACED
    elif name in create_only:
        effect, because = Effect.REPLACED, tuple(sorted({*because, name}))
    return ResourceChange(pair, effect, before.properties, before.attributes, because, follows)
