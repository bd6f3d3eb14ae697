"""The bundle of a large weights file as a folder: time, memory and disk."""

from __future__ import annotations

from benchmarks.large_files import compare_builds, memory_and_disk, weights
from benchmarks.measure import Row, Settings, best_and_median, fresh, megabytes, seconds

RATIO = 1.5
MEMORY = 200e6


def rows(settings: Settings) -> list[Row]:
    artifacts = weights(settings)
    size = settings.weights_bytes
    found = fresh(compare_builds, artifacts, settings.scratch, False, 2 * settings.repeats)
    used = fresh(memory_and_disk, artifacts, settings.scratch, False)
    limit_text = f"reading and hashing on two threads {best_and_median(found['limit'])}"
    what = f"bundle of {size >> 20} MiB of weights"
    return [
        *time_rows(f"{what}: hashing and signing", f"{what}: the whole build", found, limit_text),
        memory_row(what, used, child=used["children"] - used["ground"]),
        Row(
            what=f"{what}: disk taken",
            measured=megabytes(used["disk"]),
            limit=f"the weights {megabytes(size)}",
            ratio=used["disk"] / size,
            target="no second copy",
            reached=used["disk"] < size / 100,
            note=f"The weights were placed by {'a hard link' if used['linked'] else 'a reflink or a copy'}; what is "
            "taken is code, manifest and the JSON files.",
        ),
    ]


def time_rows(sealing: str, whole: str, found: dict[str, list[float]], limit_text: str) -> list[Row]:
    """The time of hashing (and packing), and of the whole build, against the limit of the same run."""
    limit = min(found["limit"])
    return [
        Row(
            what=what,
            measured=best_and_median(found[step]),
            limit=limit_text,
            ratio=min(found[step]) / limit,
            target=f"<= {RATIO}x",
            reached=min(found[step]) <= RATIO * limit,
            note=note,
        )
        for what, step, note in ((sealing, "seal", ""), (whole, "total", self_test_note(found, limit)))
    ]


def memory_row(what: str, used: dict[str, int], *, child: int | None = None) -> Row:
    """Peak memory of a build and, where ``child`` is given, of its self-test's child."""
    own = used["peak"] - used["ground"]
    return Row(
        what=f"{what}: peak memory over an interpreter with numpy",
        measured=megabytes(own),
        limit=f"interpreter with numpy {megabytes(used['ground'])}",
        ratio=own / used["ground"],
        target="< 200 MB more",
        reached=max(own, child or 0) < MEMORY,
        note="" if child is None else f"The self-test's child: at most {megabytes(child)} more.",
    )


def self_test_note(found: dict[str, list[float]], limit: float) -> str:
    """What share of a whole build is the self-test."""
    total, test, start_up = (min(found[name]) for name in ("total", "self_test", "start_up"))
    return (
        f"The self-test in a child process takes {seconds(test)} of it, {seconds(start_up)} with a bundle of 1 KiB: it "
        f"does not hash the weights a second time. The ratio is {(total - test) / limit:.2f} without it."
    )
