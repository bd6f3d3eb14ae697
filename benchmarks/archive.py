"""The bundle of a large weights file with ``model.tar.gz``."""

from __future__ import annotations

from benchmarks.bundle import MEMORY, RATIO, self_test_note
from benchmarks.large_files import compare_builds, memory_and_disk, weights
from benchmarks.measure import Row, Settings, best_and_median, fresh, megabytes


def rows(settings: Settings) -> list[Row]:
    artifacts = weights(settings)
    found = fresh(compare_builds, artifacts, settings.scratch, True, settings.repeats)
    used = fresh(memory_and_disk, artifacts, settings.scratch, True)
    limit = min(found["limit"])
    limit_text = f"plain tar, hashed by a thread on the way {best_and_median(found['limit'])}"
    what = f"the same with `model.tar.gz`, {settings.weights_bytes >> 20} MiB"
    own = used["peak"] - used["ground"]
    return [
        Row(
            what=f"{what}: hashing, packing and signing",
            measured=best_and_median(found["seal"]),
            limit=limit_text,
            ratio=min(found["seal"]) / limit,
            target=f"<= {RATIO}x",
            reached=min(found["seal"]) <= RATIO * limit,
        ),
        Row(
            what=f"{what}: the whole build",
            measured=best_and_median(found["total"]),
            limit=limit_text,
            ratio=min(found["total"]) / limit,
            target=f"<= {RATIO}x",
            reached=min(found["total"]) <= RATIO * limit,
            note=self_test_note(found, limit),
        ),
        Row(
            what=f"{what}: peak memory over an interpreter with numpy",
            measured=megabytes(own),
            limit=f"interpreter with numpy {megabytes(used['ground'])}",
            ratio=own / used["ground"],
            target="< 200 MB more",
            reached=own < MEMORY,
        ),
    ]
