"""The CDK CLI, against the cloud assemblies that the installed aws-cdk-lib writes.

aws-cdk-lib stamps what it writes with the major version of the Python distribution ``aws-cdk.cloud-assembly-schema``;
that distribution also holds ``cli-version.json``, the first CLI that reads it. Nothing is imported: that would start
Node.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator
from importlib import metadata

from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.node import cdk_library, uses_cdk
from cdk_modelbuilder.local.doctor.node_modules import CdkCli, cdk_clis

_DISTRIBUTION = "aws-cdk.cloud-assembly-schema"


def _run(about: Circumstances) -> Iterator[Finding]:
    if not uses_cdk(about):
        yield Finding(CHECK.name, Outcome.SKIPPED, "no CDK app is here, nor is aws-cdk-lib.")
        return
    library = cdk_library()
    if library is None:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"{about.folder / 'cdk.json'} is here, but aws-cdk-lib is not installed.",
            "Install the extra for deploying.",
            ("pip install 'cdk-modelbuilder[cdk]'",),
        )
    schema = written_schema()
    first = first_cli()
    wanted = f"aws-cdk@{first}" if first else "aws-cdk@2"
    clis = cdk_clis(about.folder)
    if not clis:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            "the CDK CLI is neither in node_modules nor on PATH.",
            "Install it in the project, so that everybody has the same.",
            (f"npm install --save-dev {wanted}",),
        )
    for cli in clis:
        yield _against(cli, library, schema, first, wanted, is_only=len(clis) == 1)


def written_schema() -> int | None:
    """The cloud assembly schema that the installed aws-cdk-lib writes; None where it is not installed."""
    try:
        return int(metadata.version(_DISTRIBUTION).partition(".")[0])
    except (metadata.PackageNotFoundError, ValueError):
        return None


def first_cli() -> str | None:
    """The first CLI that reads what the installed aws-cdk-lib writes; None where it does not say."""
    try:
        listed = metadata.files(_DISTRIBUTION) or ()
        package = next(file for file in listed if file.name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(package.read_binary())) as archive:
            member = archive.extractfile("package/cli-version.json")
            return str(json.load(member)["version"]) if member else None
    except (metadata.PackageNotFoundError, StopIteration, OSError, tarfile.TarError, KeyError, ValueError, TypeError):
        return None


def _against(
    cli: CdkCli, library: str | None, schema: int | None, first: str | None, wanted: str, *, is_only: bool
) -> Finding:
    place = f"CDK CLI {cli.version} ({cli.command}, {cli.folder})"
    if library is None or schema is None:
        return Finding(CHECK.name, Outcome.OK, f"{place}.")
    if cli.schema is not None:
        reads = cli.schema >= schema
        why = f"it reads cloud assemblies up to version {cli.schema}, and aws-cdk-lib {library} writes {schema}"
    elif first is not None:
        reads = _numbers(cli.version) >= _numbers(first)
        why = f"aws-cdk-lib {library} writes cloud assemblies that {first} is the first to read"
    else:
        return Finding(CHECK.name, Outcome.WARNING, f"{place} does not say which cloud assemblies it reads.")
    if reads:
        return Finding(CHECK.name, Outcome.OK, f"{place}: {why}.")
    if cli.command == "npx cdk" or is_only:
        return Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"{place} is too old: {why}.",
            "Install one that reads them in the project, and call it with npx.",
            (f"npm install --save-dev {wanted}", "npx cdk --version"),
        )
    return Finding(
        CHECK.name,
        Outcome.WARNING,
        f"{place} is too old: {why}.",
        "Call the project's own with npx, or replace the one on PATH.",
        ("npx cdk --version", f"npm install --global {wanted}"),
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


CHECK = Check(
    "cdk-cli",
    "CDK",
    "the CLI of `npx cdk` and of `cdk`, and whether each reads the cloud assemblies that aws-cdk-lib here writes",
    "installs a CLI that does",
    _run,
)
