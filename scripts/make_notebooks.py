"""Writes examples/notebooks/*.ipynb from the scripts in examples/models, whose cells begin with ``# %%``.

    python scripts/make_notebooks.py [--check]

A notebook follows from its script alone, to the byte: no outputs, no times, ids made of the script's name.
The form is nbformat 4.5: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
CELL = re.compile(r"^# %%(?P<kind>.*)\n", re.MULTILINE)
KINDS = {"": "code", "[markdown]": "markdown"}


def cells_of(script: str) -> list[tuple[str, str]]:
    """Kind and text of each cell of a script.

    Raises:
        ValueError: Text before the first cell, a cell of another kind, or Markdown that is no comment.
    """
    before, *parts = CELL.split(script)
    if before.strip():
        raise ValueError(f"{before.splitlines()[0]!r} stands before the first '# %%'; begin with that line.")
    found = []
    for said, text in zip(parts[::2], parts[1::2], strict=True):
        kind = KINDS.get(said.strip())
        if kind is None:
            raise ValueError(f"'# %%{said}' is no kind of cell; write one of '# %%' and '# %% [markdown]'.")
        found.append((kind, _markdown(text) if kind == "markdown" else text.strip("\n")))
    return found


def notebook_of(script: str, name: str) -> str:
    """The text of the notebook for a script.

    Args:
        script: The script's text.
        name: Its name, of which the cells' ids are made.

    Raises:
        ValueError: See :func:`cells_of`.
    """
    notebook = {
        "cells": [
            _cell(kind, text, f"{name}-{number}".replace("_", "-"))
            for number, (kind, text) in enumerate(cells_of(script), 1)
        ],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def changed(examples: Path, *, check: bool) -> list[str]:
    """Write what is not as it should be, or only name it; notebooks without a script are removed.

    Args:
        examples: Folder with ``models/`` and ``notebooks/``.
        check: Write nothing.

    Returns:
        The notebooks' file names.

    Raises:
        ValueError: A script that cannot be a notebook.
    """
    folder = examples / "notebooks"
    wanted = {}
    for script in sorted((examples / "models").glob("*.py")):
        try:
            wanted[f"{script.stem}.ipynb"] = notebook_of(script.read_text("utf-8"), script.stem).encode("utf-8")
        except ValueError as error:
            raise ValueError(f"{script.name}: {error}") from None
    there = {path.name: path.read_bytes() for path in folder.glob("*.ipynb")}
    names = sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))
    for name in () if check else names:
        folder.mkdir(exist_ok=True)
        if name in wanted:
            (folder / name).write_bytes(wanted[name])
        else:
            (folder / name).unlink()
    return names


def _markdown(text: str) -> str:
    lines = text.strip("\n").splitlines()
    for line in lines:
        if line != "#" and not line.startswith("# "):
            raise ValueError(f"{line!r} stands in a Markdown cell; begin it with '# ', or a new cell with '# %%'.")
    return "\n".join(line[2:] for line in lines)


def _cell(kind: str, text: str, name: str) -> dict[str, Any]:
    outcome = {"execution_count": None, "outputs": []} if kind == "code" else {}
    cell = {"cell_type": kind, "id": name, "metadata": {}, "source": text.splitlines(keepends=True), **outcome}
    return dict(sorted(cell.items()))


def main() -> int:
    """Write the notebooks, or with ``--check`` say which are not up to date; 1 if there are such."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if a notebook is not current")
    check = parser.parse_args().check
    try:
        names = changed(EXAMPLES, check=check)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for name in names:
        print(f"examples/notebooks/{name} {'is not current' if check else 'written'}")
    return int(check and bool(names))


if __name__ == "__main__":
    sys.exit(main())
