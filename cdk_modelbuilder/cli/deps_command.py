"""``deps``: what a bundle needs at run time, and whether it can be had, is enough, and is known to be harmful."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.dependency_table import list_text, listed
from cdk_modelbuilder.cli.output import bundle_argument, json_option, print_json
from cdk_modelbuilder.cli.payload_files import type_of
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.schema.codecs import open_codec


@click.command(
    "deps",
    short_help="Show, check and try a bundle's packages.",
    epilog="Example: cdk-modelbuilder deps build/churn --try   or   --check   or   --audit   or   --sbom churn.json",
)
@bundle_argument
@click.option("--try", "tries", is_flag=True, help="Install them into a fresh environment and run the model there.")
@click.option("--python", help="--try: path or minor version of the Python. Default: the container's, if it is here.")
@click.option(
    "--sample",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="--try: a request. Default: the golden test.",
)
@click.option("--content-type", help="--try: type of the sample. Default: from the file's ending.")
@click.option("--keep", type=click.Path(path_type=Path), help="--try: leave the environment in this new folder.")
@click.option(
    "--check", "checks", is_flag=True, help="Ask the index for them, for the container's Python and platform."
)
@click.option("--sbom", type=click.Path(path_type=Path, allow_dash=True), help="Write a CycloneDX SBOM to FILE, or -.")
@click.option("--audit", "audits", is_flag=True, help="Look up known vulnerabilities with pip-audit.")
@click.option("--service", type=click.Choice(["osv", "pypi"]), help="--audit: who is asked. Default: pypi.")
@click.option("--osv-url", help="--audit: address of an OSV query of your own, such as https://host/v1/query.")
@json_option
def command(
    *,
    bundle: str,
    tries: bool,
    python: str | None,
    sample: Path | None,
    content_type: str | None,
    keep: Path | None,
    checks: bool,
    sbom: Path | None,
    audits: bool,
    service: Literal["osv", "pypi"] | None,
    osv_url: str | None,
    as_json: bool,
) -> None:
    """Show what BUNDLE needs at run time, and why: from its dependencies.json, else from its requirements.lock.

    With --try, --check, --audit or --sbom that is done instead. Exit code 1: something is missing, or vulnerable.
    """
    _refuse_stray_options(
        {"--python": python, "--sample": sample, "--content-type": content_type, "--keep": keep}, "--try", given=tries
    )
    _refuse_stray_options({"--service": service, "--osv-url": osv_url}, "--audit", given=audits)
    if content_type is not None and sample is None:
        raise UsageError("--content-type says more about --sample.", remedy="Give the file too.")
    if as_json and str(sbom) == "-":
        raise UsageError("--json and --sbom - both write to standard output.", remedy="Write the SBOM to a file.")
    opened = ModelBundle.read(bundle)
    found: dict[str, Any] = {}
    if sbom is not None:
        found["sbom"] = _write_sbom(opened, sbom)
    if checks:
        found["check"] = _check(opened)
    if tries:
        found["trial"] = _try(opened, python, sample, content_type, keep)
    if audits:
        found["audit"] = _audit(opened, service or "pypi", osv_url)
    is_vulnerable = bool(found.get("audit", {}).get("vulnerabilities"))
    if as_json:
        print_json(found or listed(opened))
    elif not found:
        click.echo(list_text(opened))
    else:
        for name, words in (("check", _check_text), ("trial", _trial_text), ("audit", _audit_text)):
            if name in found:
                click.echo(words(found[name]))
    if is_vulnerable:
        sys.exit(1)


def _refuse_stray_options(options: dict[str, object], flag: str, *, given: bool) -> None:
    stray = [name for name, value in options.items() if value is not None]
    if stray and not given:
        raise UsageError(f"{stray[0]} says more about {flag}.", remedy=f"Give {flag} too.")


def _write_sbom(bundle: ModelBundle, target: Path) -> str:
    from cdk_modelbuilder.dependencies.sbom import sbom_json  # noqa: PLC0415 - only here

    data = sbom_json(bundle)
    if str(target) == "-":
        click.echo(data, nl=False)
        return "-"
    try:
        target.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}.", remedy="Name another file.") from None
    click.echo(f"wrote {target}", err=True)
    return str(target)


def _check(bundle: ModelBundle) -> dict[str, Any]:
    from cdk_modelbuilder.dependencies.checking import check_bundle  # noqa: PLC0415 - only here

    checked = check_bundle(bundle)
    return {
        "packages": {pin.name: pin.requirement for pin in checked.pins},
        "python": checked.target.python,
        "machine": checked.target.machine,
        "notes": list(checked.notes),
    }


def _check_text(found: dict[str, Any]) -> str:
    where = f"Python {found['python']} on {found['machine']}"
    lines = [f"all {len(found['packages'])} packages are there for {where}, and fit each other"]
    return "\n".join([*lines, *(f"note: {note}" for note in found["notes"])])


def _try(
    bundle: ModelBundle, python: str | None, sample: Path | None, content_type: str | None, keep: Path | None
) -> dict[str, Any]:
    from cdk_modelbuilder.dependencies.trial.golden_answer import Sample  # noqa: PLC0415 - only here
    from cdk_modelbuilder.dependencies.trying import try_bundle  # noqa: PLC0415 - only here

    given = None
    if sample is not None:
        known = open_codec(bundle.schema["input"]).content_types
        given = Sample(sample.read_bytes(), content_type or type_of(sample, known))
    trial = try_bundle(
        bundle, python=python, sample=given, keep=keep, on_line=lambda line: click.echo(f"  {line}", err=True)
    )
    return {
        "python": trial.python,
        "packages": dict(trial.packages),
        "tried": trial.tried,
        "answer": None if trial.answer is None else {"bytes": len(trial.answer[0]), "content_type": trial.answer[1]},
        "unused": list(trial.unused),
        "seconds": {name: round(value, 3) for name, value in trial.seconds.items()},
        "notes": list(trial.notes),
        "kept": None if trial.kept is None else str(trial.kept),
    }


def _trial_text(found: dict[str, Any]) -> str:
    done = {
        "golden": "the model loads, and answers the golden test as it did when the bundle was built",
        "answered": "the model loads, and answers the sample",
        "loaded": "the model loads",
    }[found["tried"]]
    lines = [f"{done} (Python {found['python']}, {len(found['packages'])} packages)"]
    if found["answer"] is not None and found["tried"] == "answered":
        lines.append(f"answer: {found['answer']['bytes']} bytes of {found['answer']['content_type']}")
    lines.append("seconds: " + ", ".join(f"{name} {value:.1f}" for name, value in found["seconds"].items()))
    lines += [
        f"not used: {name}; dependencies={{'exclude': ['{name}']}} leaves it out, if no other request needs it"
        for name in found["unused"]
    ]
    lines += [f"note: {note}" for note in found["notes"]]
    lines += [f"kept: {found['kept']}"] if found["kept"] else []
    return "\n".join(lines)


def _audit(bundle: ModelBundle, service: Literal["osv", "pypi"], osv_url: str | None) -> dict[str, Any]:
    from cdk_modelbuilder.dependencies.audit import audit_bundle  # noqa: PLC0415 - only here

    audit = audit_bundle(bundle, service=service, osv_url=osv_url)
    return {
        "checked": dict(audit.checked),
        "clean": audit.is_clean,
        "not_checked": dict(audit.not_checked),
        "vulnerabilities": [
            {
                "package": one.package,
                "version": one.version,
                "id": one.id,
                "aliases": list(one.aliases),
                "fixed_in": list(one.fixed_in),
                "description": one.description,
            }
            for one in audit.vulnerabilities
        ],
    }


def _audit_text(found: dict[str, Any]) -> str:
    lines = []
    for one in found["vulnerabilities"]:
        names = ", ".join([one["id"], *one["aliases"]])
        fixed = f"fixed in {', '.join(one['fixed_in'])}" if one["fixed_in"] else "no version is known to fix it"
        lines.append(f"{one['package']} {one['version']}: {names}; {fixed}\n  {one['description'][:200]}")
    count = len(found["vulnerabilities"])
    known = f"{count} known vulnerabilit{'y' if count == 1 else 'ies'}" if count else "no known vulnerabilities"
    checked, total = len(found["checked"]), len(found["checked"]) + len(found["not_checked"])
    lines.append(f"{known}; {checked} of {total} packages {'was' if checked == 1 else 'were'} looked up")
    lines += [f"not checked: {name}: {reason}" for name, reason in found["not_checked"].items()]
    return "\n".join(lines)
