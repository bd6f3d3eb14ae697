"""``python -m benchmarks``: measure, print a table, write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import secrets
import sys
import tempfile
from pathlib import Path

from benchmarks import (
    archive,
    bundle,
    capture,
    container,
    first_prediction,
    gateway,
    imports,
    payloads,
    publish,
    small_build,
    synth,
    throughput,
    verify,
)
from benchmarks.measure import ROOT, Row, Settings, machine_facts

TOPICS = {
    "import": imports,
    "build": small_build,
    "capture": capture,
    "bundle": bundle,
    "archive": archive,
    "verify": verify,
    "publish": publish,
    "synth": synth,
    "process": first_prediction,
    "serving": throughput,
    "gateway": gateway,
    "container": container,
    "payloads": payloads,
}
REPORT = ROOT / "docs" / "benchmarks.md"
_HEADINGS = ("what", "measured", "limit or peer in the same run", "ratio", "target", "reached")
_INTRODUCTION = """\
# Speed and memory

Made by `make bench`; do not edit. Every figure stands beside a limit or a peer that the same run measured on the same
machine, because seconds alone say little about another machine. Both are taken in turns, several times, and the best
of each is compared; the median is there to show how noisy the machine was. Files are in the page cache, and bytecode is
compiled.
"""


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure speed and memory as ratios against limits measured in the same run.",
        epilog="A full run takes about ten minutes, needs 6 GB of temporary disk and writes docs/benchmarks.md; with "
        "--quick or --only the table is only printed.",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, few repetitions: do the benchmarks work?")
    parser.add_argument("--only", action="append", choices=TOPICS, metavar="TOPIC", help=f"one of {', '.join(TOPICS)}")
    options = parser.parse_args()
    facts = machine_facts()
    # A key of this run alone: the user's is not touched. Children inherit it.
    os.environ["MODELBUILDER_MASTER_KEY"] = secrets.token_hex(32)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        # Whether bytecode was there before must not decide: each first run writes it, the best one has it.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        settings = Settings(Path(folder), options.quick)
        for name in options.only or TOPICS:
            print(f"{name} ...", file=sys.stderr, flush=True)
            rows += TOPICS[name].rows(settings)
    text = report(rows, facts)
    print(text)
    if not options.quick and not options.only:
        REPORT.write_text(text, encoding="utf-8")
    return 0


def report(rows: list[Row], facts: dict[str, str], *, introduction: str = _INTRODUCTION) -> str:
    """The page, in Markdown."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    judged = [row.reached for row in rows if row.reached is not None]
    lines = [introduction, f"- date: {today}", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    lines += [f"{sum(judged)} of {len(judged)} targets reached.", ""]
    lines += ["| " + " | ".join(_HEADINGS) + " |", "|---" * len(_HEADINGS) + "|"]
    notes: list[str] = []
    for row in rows:
        mark = ""
        if row.note:
            if row.note not in notes:
                notes.append(row.note)
            mark = f" [{notes.index(row.note) + 1}]"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        reached = {True: "yes", False: "**no**", None: ""}[row.reached]
        lines.append(f"| {row.what}{mark} | {row.measured} | {row.limit} | {ratio} | {row.target} | {reached} |")
    lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
