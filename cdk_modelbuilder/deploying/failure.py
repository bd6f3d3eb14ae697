"""The error of a deployment that failed: what failed first and why, the container's words, the way out."""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.deploying.causes import Source
from cdk_modelbuilder.deploying.diagnosis import Evidence, diagnose
from cdk_modelbuilder.deploying.following import Seen
from cdk_modelbuilder.deploying.running import last_words
from cdk_modelbuilder.deploying.watching import printable
from cdk_modelbuilder.errors import DeploymentError

SHOWN_LINES = 15


def failure_of(seen: Seen, said: str, *, doing: str, facts: Mapping[str, str]) -> DeploymentError:
    """The error for what was ``seen``.

    Args:
        seen: What was followed.
        said: The CDK CLI's last lines.
        doing: What failed, such as ``the deployment of tumour``.
        facts: For the remedy; see ``Evidence``.
    """
    failed = seen.failure
    reason = failed.reason if failed is not None else (seen.state.reason if seen.state is not None else "")
    named = f"{failed.kind}: {_one_line(reason)}" if failed is not None else reason
    evidence = Evidence(
        {
            Source.REASON: "\n".join(part for part in (named, *seen.failure_reasons) if part),
            Source.LOG: "\n".join(seen.log),
            Source.CLI: said,
        },
        facts,
    )
    diagnosis = diagnose(evidence)
    if diagnosis is not None:
        parts = [f"{doing} failed: {diagnosis.meaning}"]
    else:
        parts = [f"{doing} failed" + ("." if failed is not None else f": {reason or last_words(said)}")]
    if failed is not None:
        parts.append(f"First to fail: {failed.logical_id} ({failed.kind}), {failed.status}: {_one_line(reason)}")
    parts += [f"SageMaker says: {why}" for why in seen.failure_reasons if why not in reason]
    if seen.log:
        parts.append("The container's last lines:")
        parts += [f"  {printable(line)}" for line in seen.log[-SHOWN_LINES:]]
    if seen.state is not None:
        parts.append(f"The stack {seen.state.name} is now in {seen.state.status}.")
    remedy = (
        diagnosis.remedy
        if diagnosis is not None
        else "Mend that and deploy again. Its log and its state: cdk-modelbuilder logs "
        f"{facts.get('name', 'NAME')}, cdk-modelbuilder status {facts.get('name', 'NAME')}."
    )
    what = "\n".join(parts)
    return DeploymentError(
        what,
        remedy=remedy,
        cause=diagnosis.cause if diagnosis is not None else "",
        log=seen.log,
    )


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
