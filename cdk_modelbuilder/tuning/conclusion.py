"""From what a search found to the result that is written, or to the words why there is none."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.tuning.hardware import Hardware
from cdk_modelbuilder.tuning.measurement import Measurement
from cdk_modelbuilder.tuning.objective import Objective
from cdk_modelbuilder.tuning.result import Configuration, TuningResult, served_by
from cdk_modelbuilder.tuning.search import Findings, Tried
from cdk_modelbuilder.tuning.space import Space


def result_of(
    bundle: ModelBundle, space: Space, goal: Objective, findings: Findings, *, hardware: Hardware, seed: int, load: str
) -> TuningResult:
    """What the findings say of ``bundle``; they must have chosen something."""
    assert findings.chosen is not None
    default, chosen = _configuration(findings.default), _configuration(findings.chosen)
    changed = space.environment(findings.chosen.values)
    own = bundle.container.environment
    warnings = {
        note for one in (findings.default, *findings.finalists) for each in _measurements(one) for note in each.warnings
    }
    return TuningResult(
        bundle=bundle.name,
        root_sha256=bundle.root_sha256,
        served=served_by(bundle),
        objective=goal,
        load=load,
        hardware=hardware,
        versions=_versions(bundle),
        date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        seed=seed,
        seconds=round(findings.seconds, 1),
        default=default,
        chosen=chosen,
        gain=findings.gain,
        environment={name: text for name, text in sorted(changed.items()) if own.get(name) != text},
        content_type=space.content_type(findings.chosen.values),
        finalists=tuple(map(_configuration, findings.finalists)),
        trials=tuple(map(_configuration, findings.tried)),
        notes=tuple(sorted(warnings)),
    )


def _configuration(one: Tried) -> Configuration:
    cause = next((each.outcome.cause for each in reversed(one.attempts) if each.outcome.cause), None)
    return Configuration(
        values=one.values,
        load=one.level.words,
        status=one.status,
        figure=one.figure,
        measurements=_measurements(one),
        cause=None if one.is_good else cause,
    )


def _measurements(one: Tried) -> tuple[Measurement, ...]:
    at_its_level = [each for each in one.attempts if each.level == one.level]
    return tuple(each.outcome.measurement for each in at_its_level if each.outcome.measurement is not None)


def _versions(bundle: ModelBundle) -> dict[str, str]:
    framework = bundle.info.get("framework") or {}
    found = {"cdk-modelbuilder": __version__, "python": str(bundle.info.get("python", ""))}
    if framework.get("name") not in (None, "none"):
        found[str(framework["name"])] = str(framework.get("version"))
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found["optuna"] = importlib.metadata.version("optuna")
    return found


def why_nothing(findings: Findings, goal: Objective) -> str:
    """Why nothing could be chosen, in a sentence."""
    counts: dict[str, int] = {}
    for one in findings.tried:
        counts[one.status] = counts.get(one.status, 0) + 1
    said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    causes = [
        each.outcome.cause for one in findings.tried for each in one.attempts if each.outcome.cause and not one.is_good
    ]
    kept = f" with {goal.sentence.partition(' with ')[2]}" if goal.bounds else ""
    last = f" The first cause: {causes[0]}" if causes else ""
    return f"none of {len(findings.tried)} configurations could be used{kept}: {said}.{last}"


def what_then(findings: Findings) -> str:
    """What to do about it."""
    measured = [one for one in findings.tried if one.figure is not None and one.excess > 0]
    if measured:
        nearest = min(measured, key=lambda one: one.excess)
        return (
            f"The nearest exceeds its bound by {nearest.excess:.0%}: widen the bound, lessen the load, or try other "
            "values. An earlier tuning.json is as it was."
        )
    return "Mend what the cause says; `cdk-modelbuilder run BUNDLE --load` tries one configuration by hand."
