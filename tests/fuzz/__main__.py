"""``python -m tests.fuzz``: throw changed, made-up and hostile bodies at every decoder, and say what came of it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.fuzz.campaign import Campaign
from tests.fuzz.findings import save
from tests.fuzz.targets import target_names


def main() -> int:
    """Run the command; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="how many in all, as many for each target")
    parser.add_argument("--seed", type=int, default=1, help="decides every input")
    parser.add_argument("--only", metavar="TEXT", help="only targets whose name holds this, such as 'pandas'")
    parser.add_argument("--first", type=int, default=0, help="number of the first input, to run one again")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="folder for inputs that did harm")
    options = parser.parse_args()
    names = [name for name in target_names() if (options.only or "").lower() in name.lower()]
    if not names:
        parser.error(f"no target is called {options.only}; there are: {', '.join(target_names())}")

    started = time.monotonic()
    campaign = Campaign(options.seed)
    campaign.run(names, options.inputs, options.processes, options.first)
    seconds = time.monotonic() - started

    sys.stdout.write(report(campaign, seconds, options.findings))
    return 1 if campaign.findings else 0


def report(campaign: Campaign, seconds: float, folder: Path) -> str:
    """What came of it, for people; the inputs that did harm are saved to ``folder``."""
    lines = ["| target | inputs | decoded | most memory, MiB | longest, s |", "|---|---:|---:|---:|---:|"]
    for name, tally in sorted(campaign.tallies.items()):
        memory = tally.most_memory >> 20
        lines.append(f"| {name} | {tally.inputs:,} | {tally.values:,} | {memory} | {tally.longest:.2f} |")
    total = sum(tally.inputs for tally in campaign.tallies.values())
    lines += ["", f"{total:,} inputs in {seconds:.0f} s, {len(campaign.findings)} findings"]
    for finding, times in campaign.findings.values():
        path = save(finding, campaign.seed, folder)
        lines += [
            "",
            f"{finding.kind} ({times} times): {finding.target}, input {finding.number}, {path}",
            finding.detail,
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
