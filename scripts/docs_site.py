"""Hooks of mkdocs.yml: the pages are written to be read in the repository, and the site needs two things otherwise."""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!decisions/|images/|reference/)([^)]+)\)")
_NO_RUN = re.compile(r"^```python no-run$", re.MULTILINE)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Name files outside of docs/ instead of linking to them, and leave out what only the tests read."""
    if page.file.src_uri.count("/") == 0:
        markdown = _OUTSIDE.sub(r"\1 (`\2` in the repository)", markdown)
    else:
        markdown = re.sub(r"\[([^\]]+)\]\(\.\./\.\./([^)]+)\)", r"\1 (`\2` in the repository)", markdown)
    return _NO_RUN.sub("```python", markdown)
