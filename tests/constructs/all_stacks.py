"""Every stack of these tests in one app: with everything on, each use of ModelEndpoint, two of each, and elsewhere.

    python -m tests.constructs.all_stacks CDK_OUT FIRST SECOND PUBLIC_KEY

synthesizes those that hold the most in a process of its own, for bundles that are there already.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from cdk_modelbuilder import ModelBundle
from tests.constructs import everything, two_of_each, uses
from tests.constructs.uses import Bundles

ACCOUNT = "123456789012"
EUROPE = cdk.Environment(account=ACCOUNT, region="eu-west-1")
# Where an endpoint of each kind stands too: another account and region, or some that are not known.
ELSEWHERE = {
    "another-account": cdk.Environment(account="210987654321", region="cn-north-1"),
    "region-alone": cdk.Environment(region="ap-northeast-1"),
    "anywhere": None,
}


def id_of(function: Any) -> str:
    return function.__name__.replace("_", "-")


def stacks_of(bundles: Bundles) -> Mapping[str, tuple[Callable[[cdk.Stack], Any], cdk.Environment | None]]:
    """What fills each stack, and its environment, by its name."""
    found: dict[str, Callable[[cdk.Stack], Any]] = {id_of(stack): stack for stack in everything.STACKS}
    for use in uses.USES:
        found[f"use-{id_of(use)}"] = lambda stack, use=use: use(stack, bundles)
    found["two-of-each"] = two_of_each.resources
    found["two-endpoints"] = lambda stack: two_of_each.endpoints(stack, bundles)
    known = {name: (fill, EUROPE) for name, fill in found.items()}
    known |= {name: (lambda stack: one_of_each(stack, bundles), env) for name, env in ELSEWHERE.items()}
    return known


def one_of_each(stack: cdk.Stack, bundles: Bundles) -> None:
    two_of_each.endpoints(stack, bundles, ["One"])


def synthesize_all(out: Path, bundles: Bundles, only: Collection[str] | None = None) -> Path:
    """Synthesize all of them, or some, into ``out``; returns it."""
    # The validator that runs at every synth costs seconds and is the business of tests/review.
    app = cdk.App(outdir=str(out), builtin_cloud_formation_validation=False)
    for name, (fill, env) in stacks_of(bundles).items():
        if only is None or name in only:
            # Names are made of the stack's name: elsewhere they are to be the same.
            fill(cdk.Stack(app, name, env=env, stack_name="two-endpoints" if name in ELSEWHERE else name))
    inner = cdk.Stage(app, "Inner", env=EUROPE)
    one_of_each(cdk.Stack(inner, "staged", stack_name="two-endpoints"), bundles)
    return Path(app.synth().directory)


if __name__ == "__main__":
    target, one, two, public = sys.argv[1:]
    fullest = {*map(id_of, everything.STACKS), "use-variants", "anywhere"}
    synthesize_all(Path(target), Bundles(ModelBundle.read(one), ModelBundle.read(two), Path(public)), fullest)
