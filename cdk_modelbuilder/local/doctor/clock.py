"""The clock, against AWS's: a signature that is five minutes off is refused."""

from __future__ import annotations

from collections.abc import Iterator

from cdk_modelbuilder.local.doctor.aws_account import skew_of
from cdk_modelbuilder.local.doctor.aws_caller import NOT_ASKED
from cdk_modelbuilder.local.doctor.aws_failures import SET_CLOCK, SKEW_LIMIT_SECONDS, skew_sentence
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome

_WORTH_SAYING = 60


def _run(about: Circumstances) -> Iterator[Finding]:
    if about.aws is None:
        yield Finding(CHECK.name, Outcome.SKIPPED, NOT_ASKED)
        return
    try:
        skew = about.aws.caller().skew_seconds
    except Exception as error:  # noqa: BLE001 - an answer that refuses has a date too
        skew = skew_of(getattr(error, "response", {}))
    if skew is None:
        yield Finding(CHECK.name, Outcome.SKIPPED, "AWS gave no answer with a date.")
    elif abs(skew) > SKEW_LIMIT_SECONDS:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"{skew_sentence(skew)} It refuses signatures that are more than {SKEW_LIMIT_SECONDS // 60} minutes off.",
            "Set it by the network's.",
            SET_CLOCK.on(about.system),
        )
    elif abs(skew) > _WORTH_SAYING:
        yield Finding(
            CHECK.name, Outcome.WARNING, skew_sentence(skew), "Set it by the network's.", SET_CLOCK.on(about.system)
        )
    else:
        yield Finding(CHECK.name, Outcome.OK, f"the clock here and AWS's differ by {abs(skew):.0f} s.")


CHECK = Check("clock", "AWS", "how far the clock is off AWS's; five minutes are the limit", "sets it", _run)
