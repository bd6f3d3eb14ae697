"""From ``deploy()`` in process mode to the first prediction of a scikit-learn forest."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from benchmarks.measure import Row, Settings, best_and_median, fresh, seconds, wall_of_python

TARGET = 1.0


def rows(settings: Settings) -> list[Row]:
    fresh(build_forest, settings.scratch)
    imports, runs = [], []
    for _ in range(settings.repeats):
        imports.append(wall_of_python("import sklearn.ensemble"))
        runs.append(fresh(deploy_and_predict, settings.scratch))
    shutil.rmtree(settings.scratch / "forest")
    first = [run["first"] for run in runs]
    return [
        Row(
            what="process mode: from `deploy()` to the first prediction of a scikit-learn forest",
            measured=best_and_median(first),
            limit=f"`python -c 'import sklearn.ensemble'` {best_and_median(imports)}",
            ratio=min(first) / min(imports),
            target=f"import + {TARGET:.0f} s",
            reached=min(first) < min(imports) + TARGET,
            note=f"{min(first) - min(imports):+.3f} s against the import, whose process also ends. `deploy()` returns, "
            f"healthy, after {seconds(min(run['deploy'] for run in runs))}; the next predictions take "
            f"{min(run['next'] for run in runs) * 1000:.1f} ms each.",
        )
    ]


def build_forest(scratch: str) -> None:
    """Write the bundle; for :func:`benchmarks.measure.fresh`."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier

    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    features, labels = load_breast_cancer(return_X_y=True)
    forest = RandomForestClassifier(n_estimators=100, random_state=0).fit(features, labels)
    schema = SchemaBuilder(features[:5], labels[:5])
    ModelBuilder(model=forest, schema_builder=schema, model_path=Path(scratch) / "forest", archive=False).build()


def deploy_and_predict(scratch: str) -> dict[str, float]:
    """One start; for :func:`benchmarks.measure.fresh`."""
    import numpy as np

    from cdk_modelbuilder import Mode, ModelBundle

    bundle = ModelBundle.load(Path(scratch) / "forest")
    sample = np.ones((5, 30))
    start = time.perf_counter()
    with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        deployed = time.perf_counter()
        predictor.predict(sample)
        first = time.perf_counter()
        for _ in range(20):
            predictor.predict(sample)
        end = time.perf_counter()
    return {"deploy": deployed - start, "first": first - start, "next": (end - first) / 20}
