"""The bundle of a large weights file with ``model.tar.gz``."""

from __future__ import annotations

from benchmarks.bundle import memory_row, time_rows
from benchmarks.large_files import compare_builds, memory_and_disk, weights
from benchmarks.measure import Row, Settings, best_and_median, fresh


def rows(settings: Settings) -> list[Row]:
    artifacts = weights(settings)
    found = fresh(compare_builds, artifacts, settings.scratch, True, settings.repeats)
    used = fresh(memory_and_disk, artifacts, settings.scratch, True)
    limit_text = f"plain tar, hashed by a thread on the way {best_and_median(found['limit'])}"
    what = f"the same with `model.tar.gz`, {settings.weights_bytes >> 20} MiB"
    return [
        *time_rows(f"{what}: hashing, packing and signing", f"{what}: the whole build", found, limit_text),
        memory_row(what, used),
    ]
