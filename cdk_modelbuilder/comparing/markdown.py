"""A report as Markdown that fits a comment on GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cdk_modelbuilder.comparing.markdown_text import cell, fence_for, html_line, inline, pair_code, value_code
from cdk_modelbuilder.comparing.report import ABSENT, Change, Diff, Group, Mark, Part, Report
from cdk_modelbuilder.comparing.wording import counted, quoted

MAX_LINES: Final = 200
"""Lines of diffs that are shown unfolded."""
MAX_CHARS: Final = 60_000
"""GitHub takes comments of 65,536 characters; what posts one may want to add a few."""
LEAST_CHARS: Final = 1000

_LOUD: Final = (Mark.SECURITY, Mark.BREAKING, Mark.WIDENED, Mark.REPLACED, Mark.MAJOR)
_NEVER_CUT: Final = (Mark.SECURITY, Mark.BREAKING, Mark.WIDENED)
_CAPS: Final = (1000, 300, 100, 30, 0)
_MORE: Final = "`cdk-modelbuilder diff` with a larger `--max-chars` shows it all"


@dataclass(slots=True)
class _Block:
    """What belongs together: ``head`` and ``tail`` are written if any of ``lines`` is."""

    head: str = ""
    lines: list[str] = field(default_factory=list)
    tail: str = ""

    def __str__(self) -> str:
        return "".join((self.head, *self.lines, self.tail))


def report_markdown(report: Report, *, max_lines: int = MAX_LINES, max_chars: int = MAX_CHARS) -> str:
    """The report; empty if nothing changed.

    Args:
        report: What was found.
        max_lines: So many lines of diffs are shown, the others folded.
        max_chars: Diffs are cut, and then the end, until so many characters remain (UTF-16, as browsers count). What is
            cut is said, and marked lines come first then. At least ``LEAST_CHARS``.
    """
    if not report:
        return ""
    blocks: list[_Block] = []
    for cap in (None, *_CAPS):
        blocks = list(_report(report, max_lines, cap))
        text = "".join(map(str, blocks))
        if _length(text) <= max_chars:
            return text
    return _cut([*_marked_lines(report), *blocks], max(max_chars, LEAST_CHARS))


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(blocks: list[_Block], max_chars: int) -> str:
    kept: list[str] = []
    room = max_chars - 300  # for what says that something is missing
    for number, block in enumerate(blocks):
        size = _length(str(block))
        if size <= room:
            kept.append(str(block))
            room -= size
            continue
        room -= _length(block.head + block.tail)
        lines = []
        for line in block.lines:
            room -= _length(line)
            if room < 0:
                break
            lines.append(line)
        if lines:
            kept.append(str(_Block(block.head, lines, block.tail)))
        left = len(block.lines) - len(lines)
        after = counted(len(blocks) - number - 1, "block")
        what = f"{counted(left, 'line')} of this block and {after} after it"
        kept.append(f"\n**Cut here to fit {max_chars} characters:** {what}. {_MORE}.\n")
        break
    return "".join(kept)


def _marked_lines(report: Report) -> Iterator[_Block]:
    """What must not be lost where a report is cut, however much stands before it."""
    lines: list[str] = []
    sections = [section for part in report.parts for section in part.sections]
    for title, group in [(section.title, group) for section in sections for group in section.groups]:
        where = inline(group.title or title)
        lines += [
            f"{_line(change, as_fact=group.as_facts).rstrip()}, in {where}\n"
            for change in group.changes
            if any(mark in change.marks for mark in _NEVER_CUT)
        ]
        lines += [
            f"- {_marks(diff.marks)}{inline(quoted(diff.path))}: {inline(diff.note)}\n"
            for diff in group.diffs
            if any(mark in diff.marks for mark in _NEVER_CUT)
        ]
    if lines:
        yield _Block("### Marked lines, as not all of the report is here\n\n", lines, "\n")


def _report(report: Report, max_lines: int, cap: int | None) -> Iterator[_Block]:
    open_lines = max_lines
    for number, part in enumerate(report.parts):
        yield _Block(("\n" if number else "") + _heading(part))
        for section in part.sections:
            title = f"\n#### {inline(section.title)}\n"
            for group in section.groups:
                blocks, open_lines = _group(group, open_lines, cap)
                blocks[0].head = title + blocks[0].head
                title = ""
                yield from blocks


def _heading(part: Part) -> str:
    summary = "; ".join(inline(line) for line in part.summary)
    return f"### {inline(part.title)}\n\n{summary}.\n"


def _group(group: Group, open_lines: int, cap: int | None) -> tuple[list[_Block], int]:
    title, note = inline(group.title), inline(group.note)
    unsaid = tuple(mark for mark in group.marks if not group.note.startswith(mark.value))
    marks = _marks(unsaid)
    body = _Block(lines=list(_lines(group)))
    if group.folded and group.title:
        words = f"{_marks_as_text(unsaid)}{group.title}" + (f": {group.note}" if group.note else "")
        body.head = f"\n<details><summary>{html_line(words)}</summary>\n\n"
        body.tail = "\n</details>\n"
    elif title or note:
        heading = f"**{title}**" if title else ""
        body.head = f"\n{marks}{': '.join(filter(None, (heading, note)))}\n" + ("\n" if body.lines else "")
    elif body.lines:
        body.head = "\n"
    if group.as_table and body.lines:
        body.head += "| | before | after | |\n|---|---|---|---|\n"
    blocks = [body]
    for diff in group.diffs:
        is_open = not diff.folded and len(diff.lines) <= open_lines
        open_lines -= len(diff.lines) if is_open else 0
        blocks.append(_diff(diff, is_open=is_open, cap=cap))
    return blocks, open_lines


def _marks(marks: tuple[Mark, ...]) -> str:
    return "".join(f"**{mark.value}** " for mark in _LOUD if mark in marks)


def _marks_as_text(marks: tuple[Mark, ...]) -> str:
    """Marks where Markdown is not read."""
    return "".join(f"{mark.value}: " for mark in _LOUD if mark in marks)


def _remarks(change: Change) -> str:
    soft = [mark.value for mark in change.marks if mark not in _LOUD and not (change.note and mark is Mark.FOLLOWS)]
    said = ", ".join(filter(None, (*soft, inline(change.note))))
    return f" ({said})" if said else ""


def _lines(group: Group) -> Iterator[str]:
    if group.as_table:
        yield from _table(group)
    else:
        yield from (_line(change, as_fact=group.as_facts) for change in group.changes)


def _line(change: Change, *, as_fact: bool) -> str:
    start = f"- {_marks(change.marks)}{inline(change.what)}"
    old, new = change.old is not ABSENT, change.new is not ABSENT
    values = ""
    if old and new:
        values = ": {} → {}".format(*pair_code(change.old, change.new))
    elif new or old:
        verb = "" if as_fact else "added " if new else "removed "
        values = f": {verb}{value_code(change.new if new else change.old)}"
    return f"{start}{values}{_remarks(change)}\n"


def _table(group: Group) -> Iterator[str]:
    for change in group.changes:
        if change.old is ABSENT or change.new is ABSENT:
            values = ["" if value is ABSENT else value_code(value) for value in (change.old, change.new)]
        else:
            values = list(pair_code(change.old, change.new))
        said = _marks(change.marks) + _remarks(change).strip().removeprefix("(").removesuffix(")")
        cells = (inline(change.what), *values, said.strip())
        yield f"| {' | '.join(map(cell, cells))} |\n"


def _diff(diff: Diff, *, is_open: bool, cap: int | None) -> _Block:
    words = f"{quoted(diff.path)}: {counted(len(diff.lines), 'line')}" + (f", {diff.note}" if diff.note else "")
    lines = diff.lines if cap is None else diff.lines[:cap]
    left = len(diff.lines) - len(lines)
    cut = f"\n{counted(left, 'line')} of this diff are cut. {_MORE}.\n" if left else ""
    fence = fence_for(lines)
    head = f"{fence}diff\n" if lines else ""
    tail = f"{fence}\n{cut}" if lines else cut
    if is_open:
        return _Block(f"\n{_marks(diff.marks)}{inline(words)}\n\n{head}", [f"{line}\n" for line in lines], tail)
    summary = html_line(_marks_as_text(diff.marks) + words)
    return _Block(
        f"\n<details><summary>{summary}</summary>\n\n{head}", [f"{line}\n" for line in lines], f"{tail}\n</details>\n"
    )
