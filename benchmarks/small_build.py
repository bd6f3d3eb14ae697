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
    beyond = [run["build"] - run["bare"] for run in runs]
    best = min(runs, key=lambda run: run["build"] - run["bare"])
    bare = min(run["bare"] for run in runs)
    steps = ", ".join(f"{name} {seconds(value)}" for name, value in best["steps"].items())
    return [
        Row(
            what="build of a small XGBoost model, from importing ModelBuilder on, beyond the interpreter that runs the "
            "sample",
            measured=best_and_median(beyond),
            limit=f"that interpreter, which imports xgboost, {seconds(bare)}",
            ratio=min(beyond) / bare,
            target=f"< {TARGET} s",
            reached=min(beyond) < TARGET,
            note=f"{len(runs)} fresh processes; archive, capture and self-test included. The best: {steps}.",
        )
    ]


def build_once(scratch: str) -> dict[str, object]:
    """One build; for :func:`benchmarks.measure.fresh`."""
    import xgboost
    from sklearn.datasets import load_breast_cancer

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

        bundle = ModelBuilder(
            model=model,
            schema_builder=SchemaBuilder(features[:5], labels[:5]),
            model_path=Path(folder) / "small",
            dependencies={"auto": True},
        ).build(progress=step)
        marks.append(("end", time.perf_counter()))
        bare = _bare(bundle, features[:5])
    pairs = pairwise(marks)
    steps = {name: after - at for (name, at), (_, after) in pairs if name != "done"}
    return {"bare": bare, "build": marks[-1][1] - marks[0][1], "steps": steps}


def _bare(bundle, sample) -> float:
    """Seconds that the interpreter takes that answers the sample, with nothing watched."""
    from cdk_modelbuilder.building.rehearsal import Request, rehearse
    from cdk_modelbuilder.schema.codecs import open_schema

    body, content_type = open_schema(str(bundle.path / "schema.json")).encode_request(sample)
    request = Request(bundle.model_dir, body, content_type, bundle.container.environment)
    start = time.perf_counter()
    rehearse(request, None)
    return time.perf_counter() - start
