"""Weights of a given size, the limits that they are measured against, and a build with the time of each step."""

from __future__ import annotations

import hashlib
import logging
import os
import queue
import shutil
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.measure import Settings, peak_rss, peak_rss_of_children, timed

NAME = "weights.bin"
_BLOCK = 64 << 20
_RANGE = 32 << 20
_READ = 1 << 20


def weights(settings: Settings) -> Path:
    """A folder with one file like float32 weights, which compress by 7 %; it is in the page cache afterwards."""
    import numpy as np

    folder = settings.scratch / "artifacts"
    path = folder / NAME
    if not path.exists():
        folder.mkdir()
        block = np.random.default_rng(0).standard_normal(_BLOCK // 4, dtype=np.float32).view(np.uint32)
        with path.open("wb") as file:
            for counter in range(settings.weights_bytes // _BLOCK):
                file.write((block ^ np.uint32(counter)).data)
            os.fsync(file.fileno())  # the disk is idle when the clocks start
    return folder


def hash_on_two_threads(path: Path) -> None:
    """The limit of hashing: SHA-256 over ranges of 32 MiB, each read 1 MiB at a time with pread."""
    descriptor = os.open(path, os.O_RDONLY)

    def digest(start: int) -> bytes:
        found = hashlib.sha256()
        buffer = memoryview(bytearray(_READ))
        for offset in range(start, start + _RANGE, _READ):
            found.update(buffer[: os.preadv(descriptor, [buffer], offset)])
        return found.digest()

    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(digest, range(0, path.stat().st_size, _RANGE)))
    finally:
        os.close(descriptor)


def tar_and_hash(path: Path, archive: Path) -> None:
    """The limit of archiving: an uncompressed tar in copies of 1 MiB, hashed by a thread on the way."""
    member = tarfile.TarInfo(path.name)
    member.size = path.stat().st_size
    with (
        path.open("rb", buffering=0) as source,
        archive.open("wb") as out,
        tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT, copybufsize=_READ) as tar,
    ):
        tee = _Tee(source)
        tar.addfile(member, tee)  # type: ignore[arg-type]
        tee.finish()


class _Tee:
    """A file whose reader's bytes are hashed by another thread."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self._queue: queue.Queue[bytes | None] = queue.Queue(4)
        self._thread = threading.Thread(target=self._hash)
        self._thread.start()

    def read(self, count: int) -> bytes:
        data: bytes = self._source.read(count)
        self._queue.put(data)
        return data

    def finish(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def _hash(self) -> None:
        while (data := self._queue.get()) is not None:
            self._digest.update(data)


def compare_builds(artifacts: str, scratch: str, archive: bool, repeats: int) -> dict[str, list[float]]:
    """Seconds of the limit, the whole build and its steps, taken in turns; for :func:`benchmarks.measure.fresh`.

    ``seal`` is writing the code, hashing, packing and signing; ``self_test`` the test in a child process, and
    ``start_up`` the same test of a bundle of 1 KiB: what the child costs before it comes to the weights.
    """
    tiny = Path(scratch) / "tiny"
    tiny.mkdir(exist_ok=True)
    (tiny / NAME).write_bytes(bytes(1024))
    build(tiny, scratch, archive=archive)  # the imports, once
    found: dict[str, list[float]] = {"limit": [], "total": [], "seal": [], "self_test": [], "start_up": []}
    for _ in range(repeats):
        found["limit"].append(_limit(Path(artifacts) / NAME, Path(scratch) / "limit.tar", archive=archive))
        steps = build(Path(artifacts), scratch, archive=archive)
        for name in ("total", "seal", "self_test"):
            found[name].append(steps[name])
        found["start_up"].append(build(tiny, scratch, archive=archive)["self_test"])
    return found


def _limit(source: Path, tar: Path, *, archive: bool) -> float:
    if not archive:
        return timed(lambda: hash_on_two_threads(source))
    os.sync()
    try:
        return timed(lambda: tar_and_hash(source, tar))
    finally:
        tar.unlink()


def build(artifacts: Path, scratch: str, *, archive: bool, keep: bool = False) -> dict[str, float]:
    """Seconds of each step of one build of the no-op spec with ``artifacts``."""
    from benchmarks.specs import REQUEST, RESPONSE, NoOp
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    logging.getLogger("cdk_modelbuilder").setLevel(logging.ERROR)
    steps: dict[str, float] = {}

    def step(name: str, _done: int, _total: int) -> None:
        steps.setdefault(name, time.perf_counter())

    target = Path(scratch) / "large"
    os.sync()
    start = time.perf_counter()
    ModelBuilder(
        inference_spec=NoOp(),
        schema_builder=SchemaBuilder(REQUEST, RESPONSE),
        model_path=target,
        artifacts=artifacts,
        archive=archive,
    ).build(progress=step)
    end = time.perf_counter()
    if not keep:
        shutil.rmtree(target)
    running, packaging = steps["running the code on the sample"], steps["packaging dependencies"]
    return {
        "total": end - start,
        "seal": running - steps["writing the inference code"] + steps["done"] - packaging,
        "self_test": packaging - running,
    }


def memory_and_disk(artifacts: str, scratch: str, archive: bool) -> dict[str, int]:
    """Bytes that one build takes; for :func:`benchmarks.measure.fresh`."""
    import numpy as np  # noqa: F401 - the ground that the target is measured from

    ground = peak_rss()
    source = (Path(artifacts) / NAME).stat()
    os.sync()
    free = _free(scratch)
    build(Path(artifacts), scratch, archive=archive, keep=True)
    os.sync()
    taken = free - _free(scratch)
    bundle = Path(scratch) / "large"
    placed = (bundle / "model" / NAME).stat()
    own = sum(path.stat().st_blocks * 512 for path in bundle.rglob("*") if path.stat().st_ino != source.st_ino)
    shutil.rmtree(bundle)
    return {
        "ground": ground,
        "peak": peak_rss(),
        "children": peak_rss_of_children(),
        "linked": int(placed.st_ino == source.st_ino),
        # A reflink has blocks of its own in stat(), but takes none.
        "disk": own if placed.st_ino == source.st_ino else taken,
    }


def _free(folder: str) -> int:
    found = os.statvfs(folder)
    return found.f_bfree * found.f_frsize
