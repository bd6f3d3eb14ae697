"""Tools that review finished templates: cfn-lint and checkov, from an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.review.finding import Finding

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENT = REPOSITORY / ".venv-review"
# cfn-lint calls these redundant; the CDK's own use of the same rules leaves them out as well.
NOT_ASKED = {
    "W3005": "a model must wait for its role's policy, which nothing in it refers to",
}
DEFAULT_REGION = "us-east-1"


def installed() -> bool:
    return (ENVIRONMENT / "bin" / "checkov").exists() and (ENVIRONMENT / "bin" / "cfn-lint").exists()


def lint(templates: Iterable[Path]) -> list[tuple[Path, Finding]]:
    """cfn-lint, for the region of each template's stack. Acknowledged: Metadata.cfn-lint.config.ignore_checks."""
    by_region = defaultdict(list)
    for template in templates:
        by_region[_region(template)].append(template)
    found = []
    for region, group in by_region.items():
        words = ["--format", "json", "--regions", region, "--ignore-checks", *NOT_ASKED, "--"]
        output = _run("cfn-lint", *words, *map(str, group))
        for match in json.loads(output or "[]"):
            place = match["Location"]["Path"] or []
            logical_id = place[1] if place[:1] == ["Resources"] and len(place) > 1 else "/".join(map(str, place))
            template = Path(match["Filename"])
            path = _paths(template).get(logical_id, logical_id)
            found.append((template, Finding("cfn-lint", match["Rule"]["Id"], path, match["Message"][:300])))
    return found


def check(templates: Iterable[Path]) -> list[tuple[Path, Finding]]:
    """checkov's CloudFormation rules. Acknowledged: Metadata.checkov.skip, a list of ids with comments."""
    words = ["--framework", "cloudformation", "--output", "json", "--quiet", "--compact", "--skip-download"]
    words += [word for template in templates for word in ("--file", str(template))]
    report = json.loads(_run("checkov", *words))
    found = []
    for failed in report.get("results", {}).get("failed_checks", []):
        logical_id = failed["resource"].partition(".")[2]
        template = Path(failed["file_abs_path"])
        path = _paths(template).get(logical_id, logical_id)
        found.append((template, Finding("checkov", failed["check_id"], path, failed["check_name"])))
    return found


def _run(tool: str, *words: str) -> str:
    if not installed():
        pytest.skip("the review tools are not installed: run `make setup-all`")
    # Nothing of the caller's settings, and no address to send anything to.
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    done = subprocess.run(
        [str(ENVIRONMENT / "bin" / tool), *words], env=kept, capture_output=True, text=True, timeout=300
    )
    # Both end with other codes when they find something; a failure of theirs leaves no JSON.
    if not done.stdout.lstrip().startswith(("[", "{")):
        raise RuntimeError(f"{tool} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def templates_of(assembly: Path) -> list[Path]:
    """The templates of a cloud assembly, nested assemblies and nested stacks too."""
    return sorted(assembly.rglob("*.template.json"))


def _region(template: Path) -> str:
    for artifact in _manifest(template.parent).get("artifacts", {}).values():
        if artifact.get("properties", {}).get("templateFile") == template.name:
            region = str(artifact["environment"]).rpartition("/")[2]
            return DEFAULT_REGION if region == "unknown-region" else region
    return DEFAULT_REGION


@cache
def _manifest(assembly: Path) -> Mapping[str, Any]:
    path = assembly / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


@cache
def _paths(template: Path) -> Mapping[str, str]:
    resources = json.loads(template.read_text(encoding="utf-8")).get("Resources", {})
    return {name: entry.get("Metadata", {}).get("aws:cdk:path", name) for name, entry in resources.items()}
