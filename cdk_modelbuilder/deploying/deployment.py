"""Deployment: an endpoint that deploy() made, as an object: look at it, change it, go back, take it away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.deploying.engine import carry_out, follow_child, prepare
from cdk_modelbuilder.deploying.failure import failure_of
from cdk_modelbuilder.deploying.following import Follower, started_now
from cdk_modelbuilder.deploying.going_back import earlier_deployment, unfinished_call
from cdk_modelbuilder.deploying.log_lines import LogLine, LogReader, log_groups
from cdk_modelbuilder.deploying.options import DeployOptions
from cdk_modelbuilder.deploying.running import CdkRuns
from cdk_modelbuilder.deploying.stack import Stack, StackState
from cdk_modelbuilder.deploying.status import DeploymentStatus, status_of
from cdk_modelbuilder.deploying.target import Target
from cdk_modelbuilder.deploying.watching import Callbacks, Watcher
from cdk_modelbuilder.errors import DeploymentError
from cdk_modelbuilder.generating.plan import HostingKind, Part
from cdk_modelbuilder.generating.writing import write_app
from cdk_modelbuilder.predictor import Predictor

REQUESTS_PREFIX = "requests"
"""Where requests go in the bucket that the generated stack makes."""
_SINCE = timedelta(minutes=10)


class Deployment:
    """One deployed bundle. ``bundle.deploy(...)`` makes one; :meth:`find` finds one that is there.

    Args:
        target: Which stack and endpoint.
        bundle: What it serves, if that is known here.

    Attributes:
        target: Which stack and endpoint.
        bundle: What it serves; None where that is not known here.
    """

    def __init__(self, target: Target, bundle: ModelBundle | None = None) -> None:
        self.target = target
        self.bundle = bundle

    def __repr__(self) -> str:
        return f"<Deployment {self.name}: stack {self.target.stack.name}, endpoint {self.endpoint_name}>"

    @classmethod
    def find(cls, name: str, **where: Any) -> Deployment:
        """The deployment called ``name``; ``where`` has the arguments of :meth:`Target.find`.

        Raises:
            DeploymentError: It is neither kept here nor deployed, or AWS cannot be asked.
            UsageError: There is no region.
        """
        return cls(Target.find(name, **where))

    @property
    def name(self) -> str:
        """Name of the bundle."""
        return self.target.name

    @property
    def endpoint_name(self) -> str:
        """Name of the endpoint."""
        return self.target.endpoint_name

    @property
    def async_input(self) -> str | None:
        """``s3://`` prefix for requests of an asynchronous endpoint; None for another, or where it is not known."""
        plan = self.target.kept.plan()
        endpoint = None if plan is None or not plan.endpoints else plan.endpoints[0]
        if endpoint is None or endpoint.hosting is not HostingKind.ASYNCHRONOUS:
            return None
        if endpoint.asynchronous is not None and endpoint.asynchronous.input_s3_uri is not None:
            return endpoint.asynchronous.input_s3_uri
        for resource in self.target.stack.resources():
            if resource["ResourceType"] == "AWS::S3::Bucket":
                return f"s3://{resource['PhysicalResourceId']}/{REQUESTS_PREFIX}"
        return None

    def predictor(self, *, input_translator: Any = None, output_translator: Any = None) -> Predictor:
        """A predictor for the endpoint, as it serves now; its ``delete_endpoint()`` destroys the deployment.

        Args:
            input_translator: Instance of the input's payload translator, if its module is not to be had here.
            output_translator: The same for the output.

        Raises:
            UsageError: It is not known here which bundle it serves.
        """
        from cdk_modelbuilder.deploying.door import predictor_for  # noqa: PLC0415 - it needs this file

        if self.bundle is None:
            with self.target.account.in_words(f"asking what {self.endpoint_name} serves"):
                running = self.target.kept.running(self.target.stack.template(), settled=False)
            self.bundle = None if running is None else running.bundle
        return predictor_for(self, input_translator=input_translator, output_translator=output_translator)

    def status(self) -> DeploymentStatus:
        """How stack and endpoint are.

        Raises:
            DeploymentError: AWS cannot be asked.
        """
        return status_of(self.target)

    def update(self, bundle: ModelBundle, **options: Any) -> Deployment:
        """Let the endpoint serve ``bundle``; what is not given stays as it was deployed.

        Args:
            bundle: Another bundle of the same name.
            options: Those of ``deploy()``.

        Raises:
            ModelBuilderError: It failed; the endpoint serves what it served before.
        """
        account = self.target.account
        asking = {"session": account.session} if account.given else {"profile": account.profile}
        where = {"region": account.region, **asking}
        return deploy_endpoint(bundle, DeployOptions.of({**where, "folder": self.target.kept.folder.parent, **options}))

    def logs(
        self, *, follow: bool = False, since: timedelta | datetime = _SINCE, poll_seconds: float = 2.0
    ) -> Iterator[LogLine]:
        """Lines that the containers wrote, in the order of time.

        Args:
            follow: Go on with lines as they come, without an end.
            since: How far back.
            poll_seconds: Pause between two questions.

        Raises:
            DeploymentError: AWS does not let the caller read the log.
        """
        start = datetime.now(UTC) - since if isinstance(since, timedelta) else since
        account = self.target.account
        groups = log_groups(self.endpoint_name, self.target.components)
        reader = LogReader(account.client("logs"), groups, since=start)
        while True:
            with account.in_words(f"reading the log of {self.endpoint_name}"):
                lines = reader.read()
            if reader.denied:
                raise DeploymentError(
                    f"AWS does not let {account.caller} read the log: {reader.denied}.",
                    remedy=f"Allow logs:FilterLogEvents on the log group {groups[0]}.",
                    cause="permission",
                )
            yield from lines
            if follow:
                time.sleep(poll_seconds)
            elif not lines:  # a long log comes in parts
                return

    def rollback(
        self, *, to: int | None = None, watcher: Watcher | None = None, poll_seconds: float = 2.0
    ) -> Deployment:
        """Go back to the deployment before, or get the stack out of an update that is stuck.

        Args:
            to: Number of a deployment of the history. Default: the last one that was different.
            watcher: Who is told what happens.
            poll_seconds: Pause between two questions to AWS.

        Raises:
            DeploymentError: There is nothing to go back to, or it failed.
        """
        told = watcher or Callbacks(None, None)
        state = self.target.state()
        if state is None:
            raise DeploymentError(
                f"there is no stack {self.target.stack.name}.", remedy="Deploy it: cdk-modelbuilder deploy BUNDLE."
            )
        call = unfinished_call(state)
        if call is not None and to is None:
            told.step(f"{state.name} is in {state.status}: going back")
            self._ask_cloudformation(call, state, told, poll_seconds)
            return self
        earlier = earlier_deployment(self.target, state, to=to)
        runs = CdkRuns(self.target.kept.folder, self.target.account, told.step)
        told.step(f"back to deployment {earlier.number}, root digest {earlier.root_sha256[:12]}")
        bundle = earlier.bundle
        first = earlier.rolled_back_to or earlier.number
        kept = self.target.kept.begin(bundle, earlier.assembly, earlier.plan, rolled_back_to=first)
        follow_child(
            self.target,
            bundle,
            kept,
            lambda: runs.deploy(earlier.assembly),
            told,
            doing=f"going back to deployment {earlier.number} of {self.name}",
            pause=poll_seconds,
        )
        if earlier.plan is None or write_app(self.target.kept.folder, earlier.plan, parts={Part.APP}).conflicts:
            told.step(f"the app in {self.target.kept.folder} names the newer bundle still: it was changed by hand")
        return Deployment(self.target, bundle)

    def destroy(self, *, watcher: Watcher | None = None, poll_seconds: float = 2.0) -> None:
        """Delete the stack: endpoint, configuration, model, role and alarms.

        The secret with the keys, what was published to buckets, and log groups stay, and so does the app in
        ``.cdk-modelbuilder``.

        Raises:
            DeploymentError: Something could not be deleted; a second try goes on.
        """
        told = watcher or Callbacks(None, None)
        state = self.target.state()
        if state is not None:
            self._ask_cloudformation("delete_stack", state, told, poll_seconds)
        self.target.kept.forget()

    def _ask_cloudformation(self, call: str, state: StackState, watcher: Watcher, pause: float) -> None:
        """Make one call that sets the stack in motion, and follow it to its end."""
        target, account = self.target, self.target.account
        deletes = call == "delete_stack"
        # By its id: a deleted stack is not found by its name.
        stack = Stack(target.stack.client, state.arn) if deletes else target.stack
        word = "deletion" if deletes else "rollback"
        with account.in_words(f"asking for the {word} of the stack {state.name}"):
            groups = log_groups(self.endpoint_name, target.components)
            logs = None if deletes else LogReader(account.client("logs"), groups, since=started_now())
            follower = Follower(stack, account.client("sagemaker"), logs, watcher, pause=pause)
            getattr(stack.client, call)(StackName=stack.name)
            seen = follower.follow_stack(state.status)
        after = seen.state
        if after is None if deletes else after is not None and not after.status.endswith("_FAILED"):
            return
        facts = {"name": self.name, "stack": state.name, "account": account.number, "region": account.region}
        raise failure_of(seen, "", doing=f"the {word} of {self.name}", facts={**facts, "who": account.caller})


def deploy_endpoint(bundle: ModelBundle, options: DeployOptions, watcher: Watcher | None = None) -> Deployment:
    """Deploy ``bundle`` as ``options`` say.

    Args:
        bundle: What to deploy.
        options: How.
        watcher: Who is told what happens. Default: the functions in the options.

    Raises:
        ModelBuilderError: It failed, with the cause and the way out.
    """
    told = watcher or Callbacks(options.on_progress, options.on_log)
    try:
        prepared = prepare(bundle, options, told)
    except KeyboardInterrupt:
        told.step("stopped: nothing in AWS was changed.")
        raise
    carry_out(prepared, options, told)
    return Deployment(prepared.target, bundle)


def plan_deployment(bundle: ModelBundle, options: DeployOptions, watcher: Watcher | None = None) -> str:
    """What ``cdk diff`` says of the deployment; nothing in AWS is changed.

    Raises:
        ModelBuilderError: Something is missing or cannot work, with the way out.
    """
    prepared = prepare(bundle, options, watcher or Callbacks(options.on_progress, options.on_log))
    return prepared.runs.diff(prepared.assembly)
