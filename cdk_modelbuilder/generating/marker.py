"""The marker: the file in an app that says what it was generated from, and what each file was like then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.plan import AppPlan, Part

MARKER_FILE = ".cdk-modelbuilder.json"
FORMAT = "cdk-modelbuilder/app"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Marker:
    """What is remembered of the last run.

    Attributes:
        plan: What the app consists of.
        parts: Which parts of it were written.
        digests: Path -> SHA-256 of the file as it was generated.
    """

    plan: AppPlan
    parts: frozenset[Part]
    digests: Mapping[str, str]

    @property
    def text(self) -> str:
        """The file's text: one fact a line, for review."""
        data = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "note": "Written by cdk-modelbuilder init, which reads it to know what you have changed. Commit it.",
            "plan": self.plan.to_json(),
            "parts": sorted(part.value for part in self.parts),
            "files": dict(sorted(self.digests.items())),
        }
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def read_marker(folder: Path) -> Marker | None:
    """The marker of the app in ``folder``; None where no app was generated.

    Raises:
        UsageError: It cannot be read, or is of a newer version.
    """
    path = folder / MARKER_FILE
    if path.is_symlink():
        raise UsageError(f"{path} is a symbolic link, which is not followed.", remedy="Put the file itself there.")
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", remedy="Restore it from version control.") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(f"{path} is not of cdk-modelbuilder.", remedy="Restore it, or choose another folder.")
    if data.get("format_version") != FORMAT_VERSION:
        raise UsageError(
            f"{path} has format version {data.get('format_version')!r}; this version reads {FORMAT_VERSION}.",
            remedy="Upgrade cdk-modelbuilder.",
        )
    try:
        digests = {str(name): str(digest) for name, digest in data["files"].items()}
        parts = frozenset(map(Part, data["parts"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path} is damaged: {type(error).__name__}: {error}.", remedy="Restore it from version control."
        ) from None
    return Marker(AppPlan.from_json(data["plan"]), parts, digests)


def digest_of(data: bytes) -> str:
    """SHA-256 (hex) of a text's content, whichever line ends git checked it out with."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()
