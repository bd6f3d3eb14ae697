"""Measures each server in turns with process mode and writes docs/benchmarks-servers.md."""

from __future__ import annotations

import argparse
import compileall
import logging
import os
import statistics
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path

from benchmarks.__main__ import report
from benchmarks.measure import ROOT, Row, fresh, machine_facts, wall_of_python
from benchmarks.peers.models import MODELS, predictions_per_second
from benchmarks.peers.rate import rate
from benchmarks.peers.servers import PEERS, Server, own
from tests.conftest import MASTER_KEY

REPORT = ROOT / "docs" / "benchmarks-servers.md"
TARGET = 3.0
_INTRODUCTION = """\
# Process mode beside other servers

Made by `python -m benchmarks.peers`; do not edit. Each server has one worker and the same model, one request at a time
comes as JSON on each of eight connections, and both run in the same minute on the same machine, in turns. The best of
the turns is compared. The first answer is counted from the start of the server's process.
"""


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short turn each; prints, writes nothing")
    parser.add_argument("--only", choices=PEERS, action="append", help="this server; repeat")
    options = parser.parse_args()
    os.environ["MODELBUILDER_MASTER_KEY"] = MASTER_KEY
    logging.getLogger("cdk_modelbuilder.endpoint").setLevel(logging.ERROR)
    facts = machine_facts()
    # pip compiles the others' bytecode when it installs them; `make setup` leaves that for later.
    compileall.compile_dir(sysconfig.get_path("purelib"), quiet=2)
    rows = []
    for model in MODELS:
        for name in options.only or PEERS:
            sys.stderr.write(f"{name}, {model}\n")
            rows += _compared(name, PEERS[name], model, turns=1 if options.quick else 3)
    text = report(rows, facts, introduction=_INTRODUCTION)
    print(text)
    if not (options.quick or options.only):
        REPORT.write_text(text, encoding="utf-8")
    return 0


def _compared(name: str, peer: Server, model: str, *, turns: int) -> list[Row]:
    ours, theirs = [], []
    for _ in range(turns):
        ours.append(_measured(own, model))
        theirs.append(_measured(peer, model))
    rate, peer_rate = (max(rate for rate, _ in found) for found in (ours, theirs))
    first, peer_first = (min(first for _, first in found) for found in (ours, theirs))
    median = statistics.median(rate for rate, _ in theirs)
    alone_rate, alone_first = _floor(model, turns)
    return [
        Row(
            what=f"{name}, {model}: requests a second",
            measured=f"{rate:.0f}",
            limit=f"{peer_rate:.0f} (median {median:.0f})",
            ratio=rate / peer_rate,
            target=f">= {TARGET:.0f}x",
            reached=rate >= TARGET * peer_rate,
            note=alone_rate,
        ),
        Row(
            what=f"{name}, {model}: first answer",
            measured=f"{first:.2f} s",
            limit=f"{peer_first:.2f} s",
            ratio=peer_first / first,
            target=f">= {TARGET:.0f}x sooner",
            reached=peer_first >= TARGET * first,
            note=alone_first,
        ),
    ]


@cache
def _floor(model: str, turns: int) -> tuple[str, str]:
    """What no server can be below, as notes on its requests a second and on its first answer."""
    if model == "no-op":
        return "", ""
    calls = max(float(fresh(predictions_per_second)) for _ in range(turns))
    importing = min(wall_of_python("import sklearn.linear_model") for _ in range(turns))
    return (
        f"The model's predict() alone, in a loop without any server, manages {calls:.0f} a second here.",
        f"Importing sklearn.linear_model alone, and pandas with it, takes {importing:.2f} s, its end included.",
    )


def _measured(server: Server, model: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder, server(model, Path(folder)) as listening:
        return float(fresh(rate, listening.port, listening.body.decode(), 3.0)), listening.first_answer


if __name__ == "__main__":
    sys.exit(main())
