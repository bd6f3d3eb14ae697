"""deploy() for an endpoint in SageMaker, as the list of steps that it is.

1. who and where (account.py), and what the user wants (options.py, planning.py)
2. the app is written into ``.cdk-modelbuilder/<name>`` (generating) and synthesized (running.py)
3. what is there is looked at, before anything is changed (checks.py)
4. the bundle's key goes into its secret (keys.py), large model data to its bucket (publishing)
5. the CDK CLI deploys; events and log lines are shown as they come (following.py)
6. if it failed: why, and the way out (failure.py, diagnosis.py, causes.py)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.deploying.account import Account
from cdk_modelbuilder.deploying.assembly import Assembly, Changes
from cdk_modelbuilder.deploying.checks import check_endpoint_name, check_stack
from cdk_modelbuilder.deploying.child import Child
from cdk_modelbuilder.deploying.failure import failure_of
from cdk_modelbuilder.deploying.following import Follower, Seen, started_now
from cdk_modelbuilder.deploying.kept import Kept, KeptDeployment, KeptState, Outcome
from cdk_modelbuilder.deploying.keys import make_key_available
from cdk_modelbuilder.deploying.log_lines import LogReader, log_groups
from cdk_modelbuilder.deploying.options import DeployOptions
from cdk_modelbuilder.deploying.planning import plan_app
from cdk_modelbuilder.deploying.running import CdkRuns
from cdk_modelbuilder.deploying.stack import Stack, StackState
from cdk_modelbuilder.deploying.target import Target
from cdk_modelbuilder.deploying.watching import Watcher
from cdk_modelbuilder.generating.plan import AppPlan, Part
from cdk_modelbuilder.generating.writing import write_app
from cdk_modelbuilder.local.doctor.sizes import size_text

_LARGE = 256 << 20


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that is known before anything is changed.

    Attributes:
        bundle: What is deployed.
        account: Where to.
        plan: The plan of the app.
        kept: Where the app is.
        runs: The CDK CLI.
        assembly: What was synthesized.
        stack: The stack in AWS.
        state: How it is; None for one that is not there.
        changes: What would change.
    """

    bundle: ModelBundle
    account: Account
    plan: AppPlan
    kept: Kept
    runs: CdkRuns
    assembly: Assembly
    stack: Stack
    state: StackState | None
    changes: Changes

    @property
    def target(self) -> Target:
        """The deployment that this makes."""
        return Target(
            name=self.bundle.name,
            account=self.account,
            kept=self.kept,
            kept_state=self.kept.state(),
            stack=self.stack,
            endpoint_name=self.assembly.endpoint_name,
            components=self.assembly.component_names,
        )


def prepare(bundle: ModelBundle, options: DeployOptions, watcher: Watcher) -> Prepared:
    """Steps 1 to 3: nothing in AWS is changed.

    Raises:
        ModelBuilderError: Something is missing or cannot work, with the way out.
    """
    account = Account.open(session=options.session, profile=options.profile, region=options.region)
    watcher.step(f"account {account.number}, {account.region}, as {account.caller}")
    account.check_bootstrapped()
    bundle.check_content()  # what was changed since it was built would be refused by the container, in ten minutes
    kept = Kept(options.folder, bundle.name)
    plan = plan_app(bundle, options, account, kept.folder, before=kept.plan(), say=watcher.step)
    write_app(kept.folder, plan, parts={Part.APP}).raise_for_conflicts()
    runs = CdkRuns(kept.folder, account, watcher.step)
    watcher.step(f"the app is in {kept.folder}; synthesizing it with CDK CLI {runs.tool.version}")
    assembly = runs.synth(kept.cloud_assembly)
    with account.in_words(f"asking for the stack {assembly.stack_name}"):
        stack = Stack(account.stack_client(), assembly.stack_name)
        state = stack.state()
        template = stack.template() if state is not None else None
    check_stack(state, template, bundle.name)
    kept.running(template, settled=state is not None)  # a deployment that was not followed to its end has ended by now
    check_endpoint_name(account, stack, assembly)
    there = template if state is not None and state.serves else None
    return Prepared(
        bundle, account, plan, kept, runs, assembly, stack, state, Changes.between(there, assembly.template)
    )


def carry_out(prepared: Prepared, options: DeployOptions, watcher: Watcher) -> Seen:
    """Steps 4 to 6: make it so, and return what was seen.

    Raises:
        ModelBuilderError: It failed, with the cause and the way out.
        KeyboardInterrupt: The user no longer wants to watch. Where CloudFormation is at work, it goes on.
    """
    bundle, account, endpoint = prepared.bundle, prepared.account, prepared.plan.endpoints[0]
    if not endpoint.public_key:
        secret = make_key_available(bundle, account, secret=endpoint.signing_secret, signing_key=options.signing_key)
        if secret is not None:
            watcher.step(f"the key {bundle.key_id} is in the secret {secret}")
    if endpoint.artifact is not None and endpoint.artifact.bucket:
        _publish(prepared, watcher)
    kept = prepared.kept.begin(bundle, prepared.assembly, prepared.plan)
    prepared.kept.keep_state(
        KeptState(
            name=bundle.name,
            account=account.number,
            region=account.region,
            stack_name=prepared.assembly.stack_name,
            endpoint_name=prepared.assembly.endpoint_name,
            components=prepared.assembly.component_names,
        )
    )
    watcher.step(f"stack {prepared.assembly.stack_name}: {prepared.changes.summary}")
    for line in prepared.changes.lines:
        watcher.step(f"  {line}")
    return follow_child(
        prepared.target,
        bundle,
        kept,
        lambda: prepared.runs.deploy(prepared.assembly),
        watcher,
        doing=f"the deployment of {bundle.name}",
        wait=options.wait,
        pause=options.poll_seconds,
        instance_type=endpoint.instance_type or "",
    )


def follow_child(
    target: Target,
    bundle: ModelBundle,
    kept: KeptDeployment,
    start: Callable[[], Child],
    watcher: Watcher,
    *,
    doing: str,
    wait: bool = True,
    pause: float,
    instance_type: str = "",
) -> Seen:
    """Begin to deploy with ``start``, follow it to its end, and write down how it ended.

    Raises:
        DeploymentError: It failed.
        KeyboardInterrupt: See :func:`carry_out`.
    """
    account = target.account
    reader = LogReader(account.client("logs"), log_groups(target.endpoint_name, target.components), since=started_now())
    with account.in_words(f"asking for events of the stack {target.stack.name}"):
        # Before anything begins: what is there then is not of this deployment.
        follower = Follower(target.stack, account.client("sagemaker"), reader, watcher, pause=pause)
    child = start()
    try:
        with account.in_words(f"following the stack {target.stack.name}"):
            try:
                seen = follower.follow(child, until_begun=not wait)
            except BaseException:  # Ctrl-C, or AWS does not answer any more, or not to these credentials
                _detach(target, follower, watcher)
                raise
    finally:
        code = child.returncode
        child.end()
    if code is None:
        watcher.step(f"CloudFormation is at work; follow it with: cdk-modelbuilder logs {target.name} --follow")
        return seen
    target.kept.settle(kept, Outcome.DEPLOYED if code == 0 else Outcome.FAILED)
    if code == 0:
        return seen
    facts = {
        "name": target.name,
        "stack": target.stack.name,
        "account": account.number,
        "region": account.region,
        "who": account.caller,
        "endpoint": target.endpoint_name,
        "instance_type": instance_type,
        "bundle": str(bundle.path),
        "startup": str(bundle.container.health_check.startup_seconds),
    }
    raise failure_of(seen, child.text, doing=doing, facts=facts)


def _detach(target: Target, follower: Follower, watcher: Watcher) -> None:
    if follower.began:
        watcher.step(
            f"no longer watching: CloudFormation goes on with the stack {target.stack.name}. Follow it with: "
            f"cdk-modelbuilder logs {target.name} --follow   and see how it ended with: "
            f"cdk-modelbuilder status {target.name}"
        )
    else:
        watcher.step("stopped before CloudFormation began: the stack is as it was.")


def _publish(prepared: Prepared, watcher: Watcher) -> None:
    from cdk_modelbuilder.publishing import publish  # noqa: PLC0415 - only where there is a bucket
    from cdk_modelbuilder.publishing.location import ArtifactForm  # noqa: PLC0415

    place = prepared.plan.endpoints[0].artifact
    assert place is not None
    form: ArtifactForm | None = "folder" if place.form == "folder" else "archive" if place.form == "archive" else None
    watcher.step(f"publishing the model data to the bucket {place.bucket}")
    published = publish(
        prepared.bundle,
        bucket=place.bucket,
        prefix=place.prefix,
        form=form,
        region=prepared.account.region,
        session=prepared.account.session,
        progress=_in_tenths(watcher),
    )
    watcher.step(f"{published.uri}: {published.bytes_sent} bytes sent, {published.bytes_skipped} there already")


def _in_tenths(watcher: Watcher) -> Callable[[str, int, int], None]:
    """Tell of what is large ten times, and of what is small not at all."""
    told = 0

    def progress(step: str, done: int, total: int) -> None:
        nonlocal told
        tenths = 10 * done // total if total >= _LARGE else 0
        if tenths not in (0, told):
            told = tenths
            watcher.step(f"  {step}: {size_text(done)} of {size_text(total)}")

    return progress
