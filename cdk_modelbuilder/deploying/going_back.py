"""rollback: to the deployment before, or out of a state that an update left the stack in.

What CloudFormation allows depends on the stack's state ("Stack status codes", "Continue rolling back an update",
"Cancel a stack update" in its User Guide):

    UPDATE_IN_PROGRESS       CancelUpdateStack: it goes back to the template before
    UPDATE_ROLLBACK_FAILED   ContinueUpdateRollback, after what failed was mended
    UPDATE_FAILED            RollbackStack; so after `cdk deploy --no-rollback`
    ..._COMPLETE             the former template is deployed again, as it was kept in the history

The last needs nothing but what the bootstrap bucket and the secret still hold: the model data of the deployment
before, under the digest of its content, and the key of its bundle, which stays beside the newer one.
"""

from __future__ import annotations

from cdk_modelbuilder.deploying.kept import KeptDeployment, Outcome
from cdk_modelbuilder.deploying.stack import StackState
from cdk_modelbuilder.deploying.target import Target
from cdk_modelbuilder.errors import DeploymentError

_CALLS = {
    "UPDATE_IN_PROGRESS": "cancel_update_stack",
    "UPDATE_ROLLBACK_FAILED": "continue_update_rollback",
    "UPDATE_FAILED": "rollback_stack",
}


def unfinished_call(state: StackState) -> str | None:
    """The call of CloudFormation that brings a stack in this state back; None for one that is at rest."""
    return _CALLS.get(state.status)


def earlier_deployment(target: Target, state: StackState, *, to: int | None) -> KeptDeployment:
    """The deployment to bring back.

    Args:
        target: Of which.
        state: How its stack is.
        to: Its number. Default: the last one before what runs that was deployed well and serves something else.

    Raises:
        DeploymentError: There is none.
    """
    if not state.serves:
        way = "destroy" if state.is_dead else "status"
        raise DeploymentError(
            f"the stack {state.name} is in {state.status}, from which there is no way back.",
            remedy=f"Run: cdk-modelbuilder {way} {target.name}",
            cause="no-way-back",
        )
    with target.account.in_words(f"asking for the template of {state.name}"):
        running = target.kept.running(target.stack.template(), settled=not state.is_moving)
    good = [kept for kept in target.kept.history() if kept.outcome is Outcome.DEPLOYED]
    if to is not None:
        for kept in good:
            if kept.number == to:
                return kept
        numbers = ", ".join(str(kept.number) for kept in good) or "none"
        raise DeploymentError(
            f"{target.name} has no deployment {to} to go back to; those that were deployed from here: {numbers}.",
            remedy="Name one of these, or deploy the bundle itself.",
            cause="no-way-back",
        )
    if running is None:
        raise DeploymentError(
            f"what {state.name} runs was not deployed from {target.kept.folder}, so it is not known what was before.",
            remedy="Deploy the bundle to go back to: cdk-modelbuilder deploy BUNDLE. Its key is in the secret still.",
            cause="no-way-back",
        )
    # A deployment that itself went back stands for the one that it brought back.
    start = running.rolled_back_to or running.number
    for kept in reversed(good):
        is_other = kept.assembly.template != running.assembly.template
        if kept.number < start and kept.rolled_back_to is None and is_other:
            return kept
    raise DeploymentError(
        f"{target.name} has no earlier deployment to go back to: number {running.number} runs.",
        remedy="Deploy the bundle to go back to: cdk-modelbuilder deploy BUNDLE.",
        cause="no-way-back",
    )
