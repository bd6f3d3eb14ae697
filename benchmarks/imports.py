"""How long ``import cdk_modelbuilder`` takes, and what it loads."""

from __future__ import annotations

import sys

from benchmarks.measure import Row, Settings, best_and_median, fresh, wall_of_python

HEAVY = ("aws_cdk", "boto3", "botocore", "jinja2", "numpy", "pandas", "rich", "scipy", "sklearn", "uvicorn", "xgboost")
TARGET = 0.1
CASES = {
    "import cdk_modelbuilder": "import cdk_modelbuilder",
    "ModelBuilder": "from cdk_modelbuilder import ModelBuilder",
}


def rows(settings: Settings) -> list[Row]:
    runs = 5 if settings.quick else 21
    walls: dict[str, list[float]] = {name: [] for name in ("pass", *CASES)}
    for _ in range(runs):
        for name, found in walls.items():
            found.append(wall_of_python(CASES.get(name, name)))
    bare = walls.pop("pass")
    table = []
    for name, found in walls.items():
        extra = [value - min(bare) for value in found]
        heavy = fresh(loaded, CASES[name])
        table.append(
            Row(
                what=f"`{CASES[name]}`, beyond the bare interpreter",
                measured=best_and_median(extra),
                limit=f"bare interpreter {best_and_median(bare)}",
                ratio=min(extra) / min(bare),
                target=f"< {TARGET} s, no heavy module",
                reached=min(extra) < TARGET and not heavy,
                note=f"{runs} runs, in turns. Heavy modules loaded: {', '.join(heavy) or 'none'} (of "
                f"{', '.join(HEAVY)}). In an earlier study `from sagemaker.serve import ModelBuilder` of the SageMaker "
                f"SDK 3 took 3.0 to 4.8 s.",
            )
        )
    return table


def loaded(code: str) -> list[str]:
    """Which heavy modules ``code`` loads; for :func:`benchmarks.measure.fresh`."""
    before = set(sys.modules)
    exec(code, {})
    return sorted(set(HEAVY) & (set(sys.modules) - before))
