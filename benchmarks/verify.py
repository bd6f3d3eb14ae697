"""Verifying a large bundle: ``ModelBundle.load``."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.large_files import NAME, build, hash_on_two_threads, weights
from benchmarks.measure import Row, Settings, best_and_median, fresh, timed

RATIO = 1.5


def rows(settings: Settings) -> list[Row]:
    found = fresh(compare, weights(settings), settings.scratch, 2 * settings.repeats)
    limit = min(found["limit"])
    return [
        Row(
            what=f"verifying a bundle of {settings.weights_bytes >> 20} MiB (`ModelBundle.load`)",
            measured=best_and_median(found["load"]),
            limit=f"reading and hashing on two threads {best_and_median(found['limit'])}",
            ratio=min(found["load"]) / limit,
            target=f"<= {RATIO}x",
            reached=min(found["load"]) <= RATIO * limit,
        )
    ]


def compare(artifacts: str, scratch: str, repeats: int) -> dict[str, list[float]]:
    """Seconds of the limit and of loading, taken in turns; for :func:`benchmarks.measure.fresh`."""
    from cdk_modelbuilder import ModelBundle

    build(Path(artifacts), scratch, archive=False, keep=True)
    bundle = Path(scratch) / "large"
    found: dict[str, list[float]] = {"limit": [], "load": []}
    for _ in range(repeats):
        found["limit"].append(timed(lambda: hash_on_two_threads(Path(artifacts) / NAME)))
        found["load"].append(timed(lambda: ModelBundle.load(bundle)))
    shutil.rmtree(bundle)
    return found
