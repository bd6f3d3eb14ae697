"""What a check is, and what it is asked about."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.platforms import Platform, this_platform

if TYPE_CHECKING:
    from cdk_modelbuilder.local.doctor.aws_account import AwsAccount


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the checks are about.

    Attributes:
        bundle: The bundle that is to run or to be deployed; None for none in particular.
        port: The port that is asked for; None for the default one, which may be another.
        aws: The account to ask; None to ask nothing of the network.
        folder: Where the CDK app is.
        system: Whose commands to give.
    """

    bundle: ModelBundle | None = None
    port: int | None = None
    aws: AwsAccount | None = None
    folder: Path = field(default_factory=Path.cwd)
    system: Platform = field(default_factory=this_platform)


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: What ``--only`` takes, such as ``docker-daemon``.
        subject: The heading that its findings stand under.
        finds: What it finds out, for the table in the docs.
        mends: What its commands do, for the same.
        run: Does it.
    """

    name: str
    subject: str
    finds: str
    mends: str
    run: Callable[[Circumstances], Iterable[Finding]]


def examine(checks: Iterable[Check], about: Circumstances, *, deadline: float | None = None) -> list[Finding]:
    """What ``checks`` find, in their order. A check that fails itself is a warning, not an end.

    Args:
        checks: What to run.
        about: What to ask them about.
        deadline: Point in ``time.monotonic()`` after which no further check is begun.
    """
    found: list[Finding] = []
    for check in checks:
        if deadline is not None and time.monotonic() > deadline:
            break
        try:
            found.extend(check.run(about))
        except Exception as error:  # noqa: BLE001 - the others have their say all the same
            found.append(
                Finding(
                    check.name,
                    Outcome.WARNING,
                    f"the check could not be done: {type(error).__name__}.",
                    "Please report it, with what is unusual on this machine.",
                )
            )
    return found
