"""Checks that ask AWS about one thing that the user names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cdk_modelbuilder.local.doctor.aws_account import AwsAccount
from cdk_modelbuilder.local.doctor.aws_caller import NOT_ASKED
from cdk_modelbuilder.local.doctor.aws_failures import DENIED, code_of, failure
from cdk_modelbuilder.local.doctor.aws_simulation import SIMULATING
from cdk_modelbuilder.local.doctor.check import Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome


def asking(
    name: str, option: str, ask: Callable[[AwsAccount, Circumstances], Iterator[Finding]]
) -> Callable[[Circumstances], Iterator[Finding]]:
    """The check that runs ``ask`` where AWS may be asked and says who this is."""

    def run(about: Circumstances) -> Iterator[Finding]:
        if about.aws is None:
            yield Finding(name, Outcome.SKIPPED, NOT_ASKED)
            return
        try:
            about.aws.caller()
        except Exception:  # noqa: BLE001 - aws-caller words it
            yield Finding(name, Outcome.SKIPPED, "AWS does not say who this is.")
            return
        found = False
        for finding in ask(about.aws, about):
            found = True
            yield finding
        if not found:
            yield Finding(name, Outcome.SKIPPED, f"none was named ({option}).")

    return run


def not_simulated(check: str, error: Exception, account: AwsAccount, question: str) -> Finding:
    """The finding where IAM cannot be asked ``question``.

    Not to be allowed to ask is no failure: it may be allowed to do.
    """
    if code_of(error) in DENIED:
        return Finding(
            check,
            Outcome.SKIPPED,
            f"{question} is not known: AWS does not allow {SIMULATING} to this user or role.",
            f"Allow {SIMULATING} on it to have these questions answered.",
        )
    return failure(check, error, account, doing=f"asking {question}")
