"""Text in GitHub's Markdown that says what it says: nothing in a name or a value is taken for markup.

Source: the GitHub Flavored Markdown specification, 6.1 (escapes), 6.3 (code spans) and 4.10 (tables).
"""

from __future__ import annotations

import html
import json
import re
from typing import Any, Final

from cdk_modelbuilder.comparing.report import ABSENT
from cdk_modelbuilder.comparing.wording import QUOTED, clean

MOST_CHARACTERS: Final = 160
"""Longest value that is shown as it is."""

_LONGEST: Final = 600
_CONTEXT: Final = 24
_DIGEST: Final = re.compile(r"(?<![0-9a-f])([0-9a-f]{12})[0-9a-f]{52}(?![0-9a-f])")
_SPECIAL: Final = re.compile(r"[\\`*_\[\]~$|#]")
_CHANGES_LINES: Final = re.compile(r"^(\s*)([-+=>]|\d+[.)])")


def inline(words: str) -> str:
    """Words of ours with quoted names, as one line of Markdown."""
    return _around_names(words, _escaped, code)


def html_line(words: str) -> str:
    """The same within HTML, where Markdown is not read."""
    return _around_names(words, html.escape, lambda name: f"<code>{html.escape(_shortened(name))}</code>")


def code(text: str) -> str:
    """A code span, which shows ``text`` as it is: on one line, and shortened in its middle."""
    text = _shortened(clean(text))
    if not text.strip():
        text = json.dumps(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{space}{text}{space}{fence}"


def value_code(value: Any) -> str:
    """A JSON value as a code span."""
    return code(_without_digests(_text(value)))


def pair_code(old: Any, new: Any) -> tuple[str, str]:
    """Two JSON values as code spans; of long ones, what is around the first difference. They never look the same."""
    before, after = _text(old), _text(new)
    shown = _around_difference(_without_digests(before), _without_digests(after))
    if shown[0] == shown[1]:
        shown = _around_difference(before, after)
    if shown[0] == shown[1]:  # a text and a number, say
        shown = json.dumps(old, ensure_ascii=False, default=str), json.dumps(new, ensure_ascii=False, default=str)
    return code(shown[0]), code(shown[1])


def cell(markdown: str) -> str:
    """Markdown as the cell of a table."""
    return markdown.replace("|", "\\|")


def fence_for(lines: tuple[str, ...]) -> str:
    """A fence that none of ``lines`` can close."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    return "`" * max(3, longest + 1)


def _around_names(words: str, plain: Any, name: Any) -> str:
    parts: list[str] = []
    end = 0
    for found in QUOTED.finditer(words):
        parts += [plain(clean(words[end : found.start()])), name(found.group(1))]
        end = found.end()
    return "".join((*parts, plain(clean(words[end:]))))


def _escaped(text: str) -> str:
    text = _SPECIAL.sub(lambda found: f"\\{found.group()}", text)
    text = _CHANGES_LINES.sub(r"\1\\\2", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")


def _text(value: Any) -> str:
    if value is ABSENT:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _without_digests(text: str) -> str:
    """Digests within a longer text are shortened; one that is all the text is what the reader wants."""
    return text if _DIGEST.fullmatch(text) else _DIGEST.sub(r"\1…", text)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]}…{text[-half:]}"


def _around_difference(old: str, new: str) -> tuple[str, str]:
    if max(len(old), len(new)) <= MOST_CHARACTERS:
        return old, new
    same = next((i for i, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
                min(len(old), len(new)))  # fmt: skip
    start = max(0, same - _CONTEXT)
    return _part(old, start), _part(new, start)


def _part(text: str, start: int) -> str:
    end = start + MOST_CHARACTERS
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
