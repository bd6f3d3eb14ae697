"""Building the bundle of a small XGBoost model, dependency capture on."""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.measure import Row, Settings, best_and_median, fresh, seconds

TARGET = 0.7


def rows(settings: Settings) -> list[Row]:
    runs = [fresh(build_once, settings.scratch) for _ in range(settings.repeats)]
    best = min(runs, key=lambda run: run["build"])
    framework = min(run["framework"] for run in runs)
    steps = ", ".join(f"{name} {seconds(value)}" for name, value in best["steps"].items())
    return [
        Row(
            what="build of a small XGBoost model, from importing ModelBuilder on",
            measured=best_and_median([run["build"] for run in runs]),
            limit=f"importing xgboost, scikit-learn and numpy {seconds(framework)}",
            ratio=best["build"] / framework,
            target=f"< {TARGET} s",
            reached=best["build"] < TARGET,
            note=f"{len(runs)} fresh processes; archive, capture and self-test included. The best: {steps}.",
        )
    ]


def build_once(scratch: str) -> dict[str, object]:
    """One build; for :func:`benchmarks.measure.fresh`."""
    start = time.perf_counter()
    import numpy as np  # noqa: F401 - part of what a user imports
    import xgboost
    from sklearn.datasets import load_breast_cancer

    framework = time.perf_counter() - start
    features, labels = load_breast_cancer(return_X_y=True)
    model = xgboost.XGBClassifier(n_estimators=20, max_depth=3, random_state=0).fit(features, labels)
    model.predict(features[:5])
    marks: list[tuple[str, float]] = []

    def step(name: str, _done: int, _total: int) -> None:
        if not marks or marks[-1][0] != name:
            marks.append((name, time.perf_counter()))

    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        marks.append(("importing ModelBuilder", time.perf_counter()))
        from cdk_modelbuilder import ModelBuilder, SchemaBuilder

        ModelBuilder(
            model=model,
            schema_builder=SchemaBuilder(features[:5], labels[:5]),
            model_path=Path(folder) / "small",
            dependencies={"auto": True},
        ).build(progress=step)
        marks.append(("end", time.perf_counter()))
    pairs = pairwise(marks)
    steps = {name: after - at for (name, at), (_, after) in pairs if name != "done"}
    return {"framework": framework, "build": marks[-1][1] - marks[0][1], "steps": steps}
