"""Verifying a large bundle: ``ModelBundle.load``."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.large_files import NAME, build, hash_on_two_threads, weights
from benchmarks.measure import Row, Settings, best_and_median, fresh, timed

RATIO = 1.5


def rows(settings: Settings) -> list[Row]:
    artifacts = weights(settings)
    what = f"verifying a bundle of {settings.weights_bytes >> 20} MiB (`ModelBundle.load`)"
    return [
        _row(what, fresh(compare, artifacts, settings.scratch, False, 2 * settings.repeats), judged=True),
        _row(f"{what}, with `model.tar.gz`", fresh(compare, artifacts, settings.scratch, True, settings.repeats)),
    ]


def _row(what: str, found: dict[str, list[float]], *, judged: bool = False) -> Row:
    limit = min(found["limit"])
    return Row(
        what=what,
        measured=best_and_median(found["load"]),
        limit=f"reading and hashing on two threads {best_and_median(found['limit'])}",
        ratio=min(found["load"]) / limit,
        target=f"<= {RATIO}x" if judged else "none",
        reached=min(found["load"]) <= RATIO * limit if judged else None,
        note="" if judged else "It hashes the files, then reads the archive through and hashes what is in it.",
    )


def compare(artifacts: str, scratch: str, archive: bool, repeats: int) -> dict[str, list[float]]:
    """Seconds of the limit and of loading, taken in turns; for :func:`benchmarks.measure.fresh`."""
    from cdk_modelbuilder import ModelBundle

    build(Path(artifacts), scratch, archive=archive, keep=True)
    bundle = Path(scratch) / "large"
    found: dict[str, list[float]] = {"limit": [], "load": []}
    for _ in range(repeats):
        found["limit"].append(timed(lambda: hash_on_two_threads(Path(artifacts) / NAME)))
        found["load"].append(timed(lambda: ModelBundle.load(bundle)))
    shutil.rmtree(bundle)
    return found
