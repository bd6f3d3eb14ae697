"""The list of images in the documentation, made from the tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MARKS = ("<!-- images: made by scripts/make_image_tables.py -->", "<!-- images: end -->")
_NEWEST = 4
_HEADS = ("model server", "image", "holds", "Python", "for", "patched until")


def page_text(page: str, files: Mapping[str, str]) -> str:
    """The page with its list made anew.

    Args:
        page: The page as it is.
        files: Name -> text of every file of the catalogue.
    """
    rows = [_HEADS, ("---",) * len(_HEADS)]
    notes = []
    for name, text in files.items():
        if name.startswith("tables/"):
            table = json.loads(text)
            alive = [row for row in table["images"] if "retired" not in row]
            rows += [_row(table["server"], row) for row in alive[:_NEWEST]]
            older, retired = len(alive[_NEWEST:]), len(table["images"]) - len(alive)
            notes.append(f"{table['server']} {older} and {retired}")
    before, _, rest = page.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    tail = f"Not shown, older ones and retired ones of each server: {', '.join(notes)}."
    return "\n".join([before + MARKS[0], "", *lines, "", tail, "", MARKS[1] + after])


def _row(server: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    holds = ", ".join(f"{name} {version}" if version else name for name, version in sorted(row["frameworks"].items()))
    kind = "Graviton" if row.get("architecture") == "arm64" else row["processor"]
    cuda = f", CUDA {row['cuda']}" if "cuda" in row else ""
    image = f"`{row['repository']}:{row['tag']}`"
    return server, image, holds, row["python"], kind + cuda, row.get("end_of_patch", "no date")
