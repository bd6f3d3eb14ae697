"""A process that reads inputs as it is told on its standard input, line by line, and may die of them.

Before each input it writes the input's number to a file, so that the one that killed it is known.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict

from tests.fuzz.trial import Trial


def main(seed: int, progress_path: str) -> None:
    """Answer each line ``{"target": ..., "first": ..., "count": ...}`` with findings and a tally, one JSON a line."""
    progress = os.open(progress_path, os.O_WRONLY)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries in C print to what they take for the standard output
    trial = Trial(seed)

    def noted(first: int, count: int) -> Iterator[int]:
        for number in range(first, first + count):
            os.pwrite(progress, number.to_bytes(8, "little"), 0)
            yield number

    for line in sys.stdin:
        task = json.loads(line)
        for finding in trial.read(task["target"], noted(task["first"], task["count"])):
            answers.write(json.dumps({"finding": asdict(finding)}) + "\n")
        answers.write(json.dumps({"tally": asdict(trial.tally)}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
