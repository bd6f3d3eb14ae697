"""The bundle itself: are its files here, and those that were signed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from cdk_modelbuilder.errors import ModelBuilderError
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome

_LARGEST = 2 << 30
"""What is hashed within a few seconds."""


def _run(about: Circumstances) -> Iterator[Finding]:
    bundle = about.bundle
    if bundle is None:
        yield Finding(CHECK.name, Outcome.SKIPPED, "no bundle was named.")
        return
    size = sum(path.stat().st_size for path in bundle.model_dir.rglob("*") if path.is_file())
    if size > _LARGEST:
        yield Finding(
            CHECK.name,
            Outcome.SKIPPED,
            f"the files of {bundle.name} are {size / 1e9:.0f} GB, too many to be checked in passing.",
            "This checks them.",
            (f"cdk-modelbuilder verify {shlex.quote(str(bundle.path))}",),
        )
        return
    try:
        bundle.check_content()
    except ModelBuilderError as error:
        yield Finding(CHECK.name, Outcome.FAILURE, error.what, error.remedy)
        return
    yield Finding(CHECK.name, Outcome.OK, f"the files of {bundle.name} are those of its manifest.")


CHECK = Check(
    "bundle",
    "Bundle",
    "whether the bundle's files are here, and as its manifest has them (up to 2 GiB)",
    "verifies a larger one",
    _run,
)
