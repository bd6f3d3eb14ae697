"""A report as JSON data, for machines."""

from __future__ import annotations

import math
import re
from typing import Any

from cdk_modelbuilder.comparing.report import ABSENT, Change, Diff, Group, Part, Report
from cdk_modelbuilder.comparing.wording import unquoted

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def report_json(report: Report) -> dict[str, Any]:
    """Plain data; an empty object if nothing changed. What was not there has no ``old``, what is gone no ``new``."""
    if not report:
        return {}
    data = {"changed": sorted(report.words), "parts": [_part(part) for part in report.parts]}
    encodable: dict[str, Any] = _encodable(data)
    return encodable


def _part(part: Part) -> dict[str, Any]:
    return {
        "title": unquoted(part.title),
        "summary": [unquoted(line) for line in part.summary],
        "sections": [
            {
                "facet": section.facet.value,
                "title": section.title,
                "groups": [_group(group) for group in section.groups],
            }
            for section in part.sections
        ],
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "title": unquoted(group.title),
        "note": unquoted(group.note),
        "marks": [mark.value for mark in group.marks],
        "changes": [_change(change) for change in group.changes],
        "diffs": [_diff(diff) for diff in group.diffs],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "what": unquoted(change.what),
        **({"place": change.place} if change.place else {}),
        **({} if change.old is ABSENT else {"old": change.old}),
        **({} if change.new is ABSENT else {"new": change.new}),
        "marks": [mark.value for mark in change.marks],
        "note": unquoted(change.note),
    }


def _diff(diff: Diff) -> dict[str, Any]:
    return {
        "path": diff.path,
        "note": unquoted(diff.note),
        "marks": [mark.value for mark in diff.marks],
        "lines": list(diff.lines),
    }


def _encodable(value: Any) -> Any:
    """``value`` without what UTF-8 or JSON cannot write."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", value)
    if isinstance(value, dict):
        return {_encodable(key): _encodable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(entry) for entry in value]
    return value
