"""The end of a server's log, for the message of an error."""

from __future__ import annotations

import json
from collections.abc import Iterable


def last_words(lines: Iterable[str]) -> str:
    """Log lines for a message, each on its own line; of this project's own server what happened, and not its JSON."""
    said = "".join(f"  {_readable(line)}\n" for line in lines)
    return f"Its last words:\n{said}" if said else "It wrote no word."


def _readable(text: str) -> str:
    try:
        line = json.loads(text)
        return f"{line['event']}: {line['error']}" if "error" in line else str(line["event"])
    except (ValueError, TypeError, KeyError):
        return text
