"""The master key, without which no bundle starts here."""

from __future__ import annotations

from collections.abc import Iterator

from cdk_modelbuilder.errors import ModelBuilderError
from cdk_modelbuilder.integrity.keys import MASTER_KEY_VARIABLE, default_key_file, find_master_key
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome


def _run(about: Circumstances) -> Iterator[Finding]:
    try:
        key = find_master_key(create=False)
    except ModelBuilderError as error:
        yield Finding(CHECK.name, Outcome.FAILURE, error.what, error.remedy)
        return
    if key is None:
        where = f"neither in {MASTER_KEY_VARIABLE} nor in {default_key_file()}"
        if about.bundle is None:
            yield Finding(CHECK.name, Outcome.OK, f"there is no master key yet, {where}; the first build makes one.")
        else:
            yield Finding(
                CHECK.name,
                Outcome.FAILURE,
                f"there is no master key to verify {about.bundle.name} with, {where}.",
                "Get the key that signed it from whoever built it, or build it again here.",
                (f"export {MASTER_KEY_VARIABLE}=...",),
            )
        return
    if about.bundle is None:
        yield Finding(CHECK.name, Outcome.OK, f"there is a master key, in {key.source}.")
        return
    try:
        about.bundle.check_signature(key.secret)
    except ModelBuilderError as error:
        yield Finding(CHECK.name, Outcome.FAILURE, f"the master key in {key.source}: {error.what}", error.remedy)
        return
    yield Finding(CHECK.name, Outcome.OK, f"the master key in {key.source} signed {about.bundle.name}.")


CHECK = Check(
    "signing-key",
    "Bundle",
    "the master key: whether there is one, is it well-formed and private, and did it sign the bundle",
    "says where to put it",
    _run,
)
