"""Which known cause a failed deployment has, by what was said about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cdk_modelbuilder.deploying.causes import CAUSES, Source

_TOO_LONG = 300


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was said about a deployment that failed, and what is known of it for the remedy.

    Attributes:
        said: Text by who said it.
        facts: ``name``, ``stack``, ``account``, ``region``, ``endpoint``, ``instance_type``, ``bundle``, ``startup``.
    """

    said: Mapping[Source, str]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Which cause it is.

    Attributes:
        cause: Its short name.
        meaning: What happened, as a sentence.
        remedy: What to do, as a sentence, with the command.
    """

    cause: str
    meaning: str
    remedy: str


def diagnose(evidence: Evidence) -> Diagnosis | None:
    """The first cause that fits what was said; None if none is known.

    What the container says goes before what SageMaker says of it, by the order of :data:`CAUSES`.
    """
    for cause in CAUSES:
        for source in cause.where:
            text = evidence.said.get(source, "")
            found = cause.pattern.search(text)
            if found:
                words = _words(evidence, text, found)
                return Diagnosis(cause.name, cause.meaning.format_map(words), cause.remedy.format_map(words))
    return None


class _Words(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return {"resource": "it", "instance_type": "the instance type", "startup": "the allowed"}.get(key, f"<{key}>")


def _words(evidence: Evidence, text: str, found: re.Match[str]) -> _Words:
    words = _Words({"said": _line_of(text, found), "who": "whoever deploys, or to the role that it names"})
    words.update({key: value for key, value in evidence.facts.items() if value})
    words.update({key: value.rstrip(".") for key, value in found.groupdict().items() if value})
    if "delta" in words:
        words["more"] = f"{_number(words['used']) + _number(words['delta']):g}"
    elif "limit" in words:
        words["more"] = f"{_number(words['limit']) + 1:g}"
    return words


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # of several dots: no message of AWS, but perhaps of a container
        return 0.0


def _line_of(text: str, found: re.Match[str]) -> str:
    """The line that the match is in, the last of a traceback instead of its first, and not too long."""
    if found.group().startswith("Traceback"):
        after = text[found.end() :].partition("\n")[2].splitlines()
        later = [line for line in after if line.strip() and not line.startswith((" ", "\t"))]
        line = later[0] if later else found.group()
    else:
        start, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
        line = text[start : end if end >= 0 else len(text)]
    line = " ".join(line.split())
    return line if len(line) <= _TOO_LONG else line[: _TOO_LONG - 3] + "..."
