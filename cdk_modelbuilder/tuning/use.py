"""Whether a bundle's tuning is used on an instance type: on such accelerators, or processors, as it was measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cdk_modelbuilder.bundle import TUNING_FILE, ModelBundle
from cdk_modelbuilder.errors import BundleError, UsageError
from cdk_modelbuilder.instances import instance_type
from cdk_modelbuilder.tuning.result import TuningResult, read_tuning, served_by

ALWAYS, NEVER, MATCHING = "always", "never", "matching"
WISHES = (MATCHING, ALWAYS, NEVER)


@dataclass(frozen=True, slots=True)
class Use:
    """What becomes of a bundle's tuning.

    Attributes:
        environment: Variables to set, or to take away where the value is None; empty where it is not used.
        note: What is said about it; None where there is no tuning, or it changes nothing.
    """

    environment: Mapping[str, str | None] = field(default_factory=dict)
    note: str | None = None


def use_of(bundle: ModelBundle, instance_types: Sequence[str], wish: str = MATCHING) -> Use:
    """What of the tuning in ``bundle`` is used on instances of these types; serverless endpoints have none.

    Raises:
        BundleError: ``tuning.json`` cannot be read, or sets what is no serving property.
        UsageError: ``wish`` is none, or ``always`` was asked for and there is no tuning.
    """
    if wish not in WISHES:
        raise UsageError(f"tuning is {wish!r}.", remedy=f"Take one of {', '.join(WISHES)}.")
    if wish == NEVER:
        return Use()
    result = read_tuning(bundle)
    if result is None:
        if wish == ALWAYS:
            raise UsageError(
                f"{bundle.name} has no {TUNING_FILE}.", remedy=f"Run cdk-modelbuilder tune {bundle.path.name} first."
            )
        return Use()
    _check(bundle, result)
    if not result.environment or not result.is_better:
        return Use()
    reason = None if wish == ALWAYS else _hindrance(bundle, result, instance_types)
    if reason is not None:
        return Use(note=f"the tuning of {bundle.name} is not used: {reason}.")
    chosen = ", ".join(
        f"{name} unset" if text is None else f"{name}={text}" for name, text in sorted(result.environment.items())
    )
    older = "" if result.root_sha256 == bundle.root_sha256 else "; it was measured with an earlier build of the model"
    return Use(result.environment, f"the tuning of {bundle.name} of {result.date} is used: {chosen}{older}.")


def _hindrance(bundle: ModelBundle, result: TuningResult, instance_types: Sequence[str]) -> str | None:
    now, then = served_by(bundle), result.served
    for name in ("model_server", "image", "framework"):
        if now[name] != then.get(name):
            return f"it was measured with {name.replace('_', ' ')} {then.get(name)}, and the bundle has {now[name]}"
    if not instance_types:
        return "the endpoint is serverless"
    used = _accelerators_used(result)
    for name in instance_types:
        kind = instance_type(name)
        if kind is None:
            return f"the instance type {name} is not known here"
        reason = result.hardware.difference(kind, used=used)
        if reason is not None:
            return reason
    return None


def _accelerators_used(result: TuningResult) -> int:
    split = result.chosen.values.get("tensor_parallel")
    return split if isinstance(split, int) and not isinstance(split, bool) else 1


def _check(bundle: ModelBundle, result: TuningResult) -> None:
    """Refuse variables that are no serving property: a text file decides neither what is verified nor what is run."""
    from cdk_modelbuilder.tuning.dimensions import variables_of  # noqa: PLC0415 - only where there is a tuning

    allowed = variables_of(bundle.container.model_server)
    strange = sorted(set(result.environment) - allowed)
    if strange:
        raise BundleError(
            f"{bundle.path / TUNING_FILE} sets {', '.join(strange)}, which is no serving property of "
            f"{bundle.container.model_server}.",
            remedy="Restore it from version control, or tune again.",
        )
