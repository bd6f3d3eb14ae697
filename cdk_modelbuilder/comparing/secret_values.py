"""Text that looks like a secret: a report goes where everybody reads it, so it is masked there, and reported.

Templates and bundles hold no secret, only references and digests. What is found here got into one by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cdk_modelbuilder.comparing.report import ABSENT, Change, Diff, Facet, Group, Mark, Part, Report, Section
from cdk_modelbuilder.comparing.wording import quoted

MASK: Final = "(masked)"

# The same kinds as in constructs/secure_defaults.guard, which asks templates alone.
_KINDS: Final = {
    "an access key of AWS": re.compile(r"(?<![0-9A-Z])(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Z])"),
    "a secret access key of AWS": re.compile(r"(?i)aws_?secret_?access_?key[\"']?\s*[:=]\s*[\"']?([0-9a-z/+]{40})"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    "a token of another service": re.compile(
        r"(?<![0-9a-zA-Z])(?:hf_[0-9a-zA-Z]{30,}|gh[pousr]_[0-9a-zA-Z]{36,}|github_pat_[0-9a-zA-Z_]{30,}"
        r"|xox[abprs]-[0-9a-zA-Z-]{10,}|sk-[0-9a-zA-Z_-]{30,})"
    ),
    "a JSON web token": re.compile(r"(?<![0-9a-zA-Z])eyJ[0-9a-zA-Z_-]{10,}\.eyJ[0-9a-zA-Z_-]{10,}\.[0-9a-zA-Z_-]*"),
    "a key in hexadecimal digits": re.compile(
        r"(?i)(?:key|secret|token|passw(?:or)?d|hmac)[\"']?\s*(?::\s*\w+\s*)?[:=]\s*b?[\"']?"
        r"(?:0x)?(?<![0-9a-f])([0-9a-f]{64})(?![0-9a-f./])"  # not the key of an object, such as <digest>.json
    ),
}
_NAME_OF_A_SECRET: Final = re.compile(
    r"(?:^|_)(?:SECRET|SECRET_STRING|PASSWORD|PASSWD|TOKEN|API_?KEY|ACCESS_?KEY|SECRET_?KEY|PRIVATE_?KEY|HMAC_?KEY"
    r"|SIGNING_?KEY|MASTER_?KEY|CREDENTIALS?)$"
)
_REFERENCE: Final = re.compile(r"\{\{resolve:|arn:|\$\{|(?:Ref|GetAtt) \S+$|s3://")
_DIGITS: Final = re.compile(r"(?<![0-9a-zA-Z])[0-9a-fA-F]{64}(?![0-9a-zA-Z])")
_NO_SECRET: Final = re.compile(r"SHA256|DIGEST|PUBLIC_KEY|HASH")
_PLAIN_VALUES: Final = ("", "true", "false", "none", "null", "*")


@dataclass(slots=True)
class Masking:
    """Masks values, and remembers what it found.

    Attributes:
        found: What looks like a secret -> where, in words, in the order in which it was met.
    """

    found: dict[str, str] = field(default_factory=dict)

    def text(self, text: str, place: str, *, counts: bool = True) -> str:
        """``text`` with a mask over every part that looks like a secret by itself."""
        for kind, pattern in _KINDS.items():
            match = pattern.search(text)
            if match is None:
                continue
            if counts:
                self.found.setdefault(f"{place} holds what looks like {kind}", kind)
            text = pattern.sub(lambda found: found.group(0).replace(found.group(found.lastindex or 0), MASK), text)
        return text

    def value(self, value: Any, name: str, place: str, *, counts: bool = True, in_environment: bool = False) -> Any:
        """A JSON value called ``name``, masked all over if its name says that it is a secret, and it is no reference.

        Args:
            value: The value.
            name: The name that it has.
            place: Where it stands, in words.
            counts: Whether what is found is to be reported, and not only masked.
            in_environment: Whether it is a container's variable, where digits that are no digest are a key.
        """
        if isinstance(value, Mapping):
            pair = next((value[key] for key in ("Name", "Key", "ParameterKey") if isinstance(value.get(key), str)), "")
            inside = in_environment or name == "Environment"
            return {
                key: self.value(
                    inner,
                    pair if pair and key in ("Value", "ParameterValue") else str(key),
                    place,
                    counts=counts,
                    in_environment=inside,
                )
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self.value(inner, name, place, counts=counts, in_environment=in_environment) for inner in value]
        if not isinstance(value, str):
            return value
        if says_secret(name) and value.lower() not in _PLAIN_VALUES and not _REFERENCE.match(value):
            if counts:
                self.found.setdefault(f"{place} holds a value called {quoted(name)} as plain text", name)
            return MASK
        if in_environment and not _NO_SECRET.search(_upper(name)) and _DIGITS.search(value):
            if counts:
                self.found.setdefault(f"{place} holds 64 hexadecimal digits called {quoted(name)}", name)
            return _DIGITS.sub(MASK, value)
        return self.text(value, place, counts=counts)


def says_secret(name: str) -> bool:
    """Whether a variable or property of this name would hold a secret."""
    return _NAME_OF_A_SECRET.search(_upper(name)) is not None


def masked(report: Report) -> Report:
    """``report`` with nothing in it that looks like a secret, and with a finding for each that did."""
    return Report(tuple(_masked_part(part) for part in report.parts))


def findings(masking: Masking) -> list[Change]:
    """What a reviewer is told about what ``masking`` found."""
    advice = "It is masked here. Refer to a secret instead, and take this one out of use."
    return [Change(place, marks=(Mark.SECURITY,), note=advice) for place in masking.found]


def _masked_part(part: Part) -> Part:
    masking = Masking()
    sections = tuple(
        replace(section, groups=tuple(_masked_group(masking, group, section.title) for group in section.groups))
        for section in part.sections
    )
    summary = tuple(masking.text(line, "the summary", counts=False) for line in part.summary)
    known = {change.what for section in sections if section.facet == Facet.FINDINGS for group in section.groups
             for change in group.changes}  # fmt: skip
    new = tuple(change for change in findings(masking) if change.what not in known)
    if new:
        sections = (Section(Facet.FINDINGS, "Secrets", (Group("", new),)), *sections)
    return replace(part, sections=sections, summary=summary)


def _masked_group(masking: Masking, group: Group, section: str) -> Group:
    place = group.title or section.lower()
    changes = tuple(_masked_change(masking, change, place) for change in group.changes)
    diffs = tuple(_masked_diff(masking, diff) for diff in group.diffs)
    return replace(group, changes=changes, diffs=diffs)


def _masked_change(masking: Masking, change: Change, place: str) -> Change:
    path = f".{change.place}"
    name = re.split(r"[.\[\]]", path.removesuffix("[]").removesuffix(".Value").rstrip("]"))[-1]
    inside = ".Environment." in path or ".environment." in path

    def safe(value: Any, *, counts: bool) -> Any:
        if value is ABSENT:
            return value
        return masking.value(value, name, place, counts=counts, in_environment=inside)

    return replace(
        change,
        what=masking.text(change.what, place),
        note=masking.text(change.note, place),
        old=safe(change.old, counts=False),
        new=safe(change.new, counts=True),
    )


def _masked_diff(masking: Masking, diff: Diff) -> Diff:
    # A key may go over several lines.
    place = f"the diff of {quoted(diff.path)}"
    masking.text("\n".join(line for line in diff.lines if not line.startswith("-")), place)
    return replace(diff, lines=tuple(masking.text("\n".join(diff.lines), place, counts=False).split("\n")))


def _upper(name: str) -> str:
    """As variables of environments are written: ``SecretString`` -> ``SECRET_STRING``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").upper()
