"""Publishing a large bundle a second time, by the command, against the stand-in for S3; memory of the first time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.large_files import build, weights
from benchmarks.measure import ROOT, Row, Settings, best_and_median, fresh, megabytes, peak_rss, seconds, timed

LIMIT = 2.0
MEMORY = 400e6
BUCKET = "artifacts"
_FLOOR = "import boto3; boto3.client('s3').head_bucket(Bucket='artifacts')"


def rows(settings: Settings) -> list[Row]:
    artifacts = weights(settings)
    build(artifacts, str(settings.scratch), archive=True, keep=True)
    bundle = settings.scratch / "large"
    try:
        return [row for form in ("folder", "archive") for row in _rows_of(form, bundle, settings)]
    finally:
        shutil.rmtree(bundle)


def _rows_of(form: str, bundle: Path, settings: Settings) -> list[Row]:
    from tests.aws_stand_in import AwsStandIn

    what = f"`publish` of {settings.weights_bytes >> 20} MiB as {'an archive' if form == 'archive' else 'a folder'}"
    with AwsStandIn() as aws:
        aws.client("s3").create_bucket(Bucket=BUCKET)
        environment = {**aws.process_environment(), "XDG_CACHE_HOME": str(settings.scratch / "cache")}
        time.sleep(2.5)  # an archive gets a receipt once it was left alone for two seconds
        first = _in(environment, first_time, bundle, form)
        found: dict[str, list[float]] = {"floor": [], "again": [], "afresh": []}
        for _ in range(settings.repeats):
            floor = [sys.executable, "-c", _FLOOR]
            found["floor"].append(timed(lambda: subprocess.run(floor, env=environment, check=True)))  # noqa: B023
            found["again"].append(timed(lambda: _command(bundle, form, environment)))
            elsewhere = {**environment, "XDG_CACHE_HOME": os.devnull}
            found["afresh"].append(timed(lambda: _command(bundle, form, elsewhere)))  # noqa: B023
        sent = aws.log().count('"PUT ')
        _command(bundle, form, environment)
        assert aws.log().count('"PUT ') == sent, "something was sent a second time"
    floor_text = f"Python, boto3 and one request {best_and_median(found['floor'])}"
    made = [
        Row(
            what=f"second, identical {what}: the command",
            measured=best_and_median(found["again"]),
            limit=floor_text,
            ratio=min(found["again"]) / min(found["floor"]),
            target=f"< {LIMIT:g} s",
            reached=min(found["again"]) < LIMIT,
            note=f"The first time it took {seconds(first['seconds'])}, which is the stand-in's time.",
        ),
        Row(
            what=f"first {what}: peak memory over boto3",
            measured=megabytes(first["peak"] - first["ground"]),
            limit=f"boto3 with a client {megabytes(first['ground'])}",
            ratio=(first["peak"] - first["ground"]) / first["ground"],
            target=f"< {MEMORY / 1e6:g} MB more",
            reached=first["peak"] - first["ground"] < MEMORY,
            note="Eight parts of 32 MiB at a time.",
        ),
    ]
    if form == "archive":
        made.append(
            Row(
                what=f"second, identical {what}, where nothing is remembered of the first",
                measured=best_and_median(found["afresh"]),
                limit=floor_text,
                ratio=min(found["afresh"]) / min(found["floor"]),
                target="none",
                reached=None,
                note="On another machine: the archive is read and compared with the manifest; nothing is sent.",
            )
        )
    return made


def _command(bundle: Path, form: str, environment: dict[str, str]) -> None:
    words = ["publish", str(bundle), "--bucket", BUCKET, "--form", form]
    command = [sys.executable, "-m", "cdk_modelbuilder.cli", *words]
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)


def _in(environment: dict[str, str], function: Any, *arguments: Any) -> Any:
    """``fresh`` with another environment."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        return fresh(function, *arguments)
    finally:
        os.environ.clear()
        os.environ.update(before)


def first_time(bundle: str, form: str) -> dict[str, float]:
    """Seconds and bytes of memory of publishing; for :func:`benchmarks.measure.fresh`."""
    import boto3

    from cdk_modelbuilder.publishing import publish

    boto3.client("s3")
    ground = peak_rss()
    start = time.perf_counter()
    publish(bundle, bucket=BUCKET, form="folder" if form == "folder" else "archive")
    return {"seconds": time.perf_counter() - start, "ground": ground, "peak": peak_rss()}
