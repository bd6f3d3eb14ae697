"""Small real bundles and stacks, each unlike the first in one thing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.comparing import Change, Group, Report, Section

COLUMNS = {"size": [50.0, 70.0, 90.0], "rooms": [2, 3, 4]}
PRICES = [150.0, 210.0, 270.0]


def build_homes(
    folder: Path,
    *,
    columns: dict[str, list[Any]] | None = None,
    prices: list[float] | None = None,
    keep_samples: bool = False,
    **options: Any,
) -> ModelBundle:
    """A linear model of a few homes, as a bundle called homes in ``folder``."""
    from sklearn.linear_model import LinearRegression

    homes = pd.DataFrame(columns or COLUMNS)
    answers = pd.Series(prices or PRICES, name="price")
    model = LinearRegression().fit(homes, answers)
    schema = SchemaBuilder(homes, answers, keep_samples=keep_samples)
    # What the packages are is the same every time, so they need not be found out by running: one start less.
    dependencies = options.pop("dependencies", {"auto": False, "custom": ["pandas"]})
    return ModelBuilder(
        model=model, schema_builder=schema, name="homes", model_path=folder, dependencies=dependencies, **options
    ).build()


def section(report: Report, facet: str) -> Section:
    """The only section of a facet, of the only part."""
    (part,) = report.parts
    (found,) = [item for item in part.sections if item.facet == facet]
    return found


def facets(report: Report) -> list[str]:
    """The facets of the sections, in their order."""
    return [item.facet.value for part in report.parts for item in part.sections]


def groups(report: Report) -> Iterator[Group]:
    """Every group."""
    for part in report.parts:
        for item in part.sections:
            yield from item.groups


def changes(report: Report) -> Iterator[Change]:
    """Every line but diffs."""
    for group in groups(report):
        yield from group.changes


def edit_json(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file in place, in the form that bundles have."""
    data = json.loads(path.read_text("utf-8"))
    edit(data)
    path.write_text(json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


def git(folder: Path, *words: str) -> str:
    """Run git in ``folder``, as nobody in particular."""
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(folder: Path, message: str) -> str:
    """Commit everything in ``folder``; returns the commit's id."""
    # Git would take a file for unchanged that has the size, second and inode of the one that it replaces.
    (folder / ".git/index").unlink(missing_ok=True)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD").strip()
