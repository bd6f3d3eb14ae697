"""From a bundle and what deploy() was told to the plan of the app that is written for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.deploying.account import Account
from cdk_modelbuilder.deploying.instance_choice import Needs, propose
from cdk_modelbuilder.deploying.options import DeployOptions
from cdk_modelbuilder.errors import DeploymentError, UsageError
from cdk_modelbuilder.generating.fit import check_fits
from cdk_modelbuilder.generating.plan import (
    AppPlan,
    ArtifactPlan,
    AsynchronousPlan,
    EndpointPlan,
    HostingKind,
    ResourcesPlan,
    ServerlessPlan,
    VpcPlan,
)
from cdk_modelbuilder.generating.planning import packages_of, written_path
from cdk_modelbuilder.resources import ResourceRequirements
from cdk_modelbuilder.tuning.use import MATCHING, use_of

_Plan = TypeVar("_Plan", ResourcesPlan, ServerlessPlan, AsynchronousPlan, VpcPlan)
ASSET_LIMIT = 512 << 20
"""Larger archives do not go through the cloud assembly; the same as ``Artifact.asset``'s own limit."""
ASSET_PREFIX = "cdk-modelbuilder"
"""Before the keys of model data in the CDK's own bucket."""


def plan_app(
    bundle: ModelBundle,
    options: DeployOptions,
    account: Account,
    app_folder: Path,
    *,
    before: AppPlan | None,
    say: Callable[[str], object],
) -> AppPlan:
    """The app for ``bundle``: what the options say, then what was deployed before, then what is inferred.

    Args:
        bundle: What to deploy.
        options: What the user said.
        account: Where to.
        app_folder: Where the app will be; the bundle's path in it is relative to it.
        before: The plan of the last deployment, if there was one.
        say: Called with a line for each value that is inferred.

    Raises:
        UsageError: Options that contradict each other, or the deployment before.
        DeploymentError: A network that cannot be looked up.
    """
    last = before.endpoints[0] if before is not None and before.endpoints else None
    if before is not None and before.region not in (None, account.region):
        raise UsageError(
            f"{bundle.name} is deployed in {before.region}, and this deployment is for {account.region}.",
            remedy=f"Give region={before.region!r}, or another folder= for a second endpoint (--folder).",
        )
    hosting = options.kind() or (last.hosting if last is not None else HostingKind.REAL_TIME)
    start = last if last is not None else EndpointPlan(name=bundle.name, bundle="", signing_secret=None)
    if last is not None and last.hosting is not hosting:
        raise UsageError(
            f"{bundle.name} is deployed as {last.hosting.value}, and SageMaker does not change an endpoint to "
            f"{hosting.value}.",
            remedy=f"Destroy it first (cdk-modelbuilder destroy {bundle.name}), or give another folder= and "
            "endpoint_name=.",
        )
    given = {
        name: getattr(options, name)
        for name in (
            *("initial_instance_count", "instance_type", "max_instance_count", "endpoint_name", "stack_name"),
            *("network_isolation", "environment", "signing_secret", "encrypt_storage", "verify_on_deploy", "monitor"),
            "tuning",
        )
        if getattr(options, name) is not None
    }
    plan = replace(
        start,
        **given,
        name=bundle.name,
        hosting=hosting,
        bundle=written_path(bundle.path, app_folder),
        packages=packages_of(bundle),
        role_arn=options.role or start.role_arn,
        resources=_resources(options.resources, bundle) or start.resources,
        serverless=_part(ServerlessPlan, "serverless", options.serverless) or start.serverless,
        asynchronous=_with_input(_part(AsynchronousPlan, "asynchronous", options.asynchronous)) or start.asynchronous,
        vpc=_vpc(options.vpc, account) or start.vpc,
        artifact=_artifact(bundle, options, account, start.artifact),
    )
    plan = _with_instances(bundle, options, account, plan, say)
    check_fits(bundle, plan)
    types = [plan.instance_type] if plan.instance_type is not None else []
    use = use_of(bundle, types, plan.tuning or MATCHING)
    if use.note is not None:
        say(use.note.rstrip("."))
    return AppPlan(name=bundle.name, endpoints=(plan,), account=account.number, region=account.region)


def _with_instances(
    bundle: ModelBundle,
    options: DeployOptions,
    account: Account,
    plan: EndpointPlan,
    say: Callable[[str], object],
) -> EndpointPlan:
    if plan.hosting is HostingKind.SERVERLESS:
        return replace(plan, instance_type=None, initial_instance_count=None)
    count = plan.initial_instance_count or 1
    if plan.instance_type is None:
        resources = options.resources
        copies = int(resources.copies or 1) if resources is not None else 1
        needs = Needs.of(bundle, resources, copies_each=max(1, -(-copies // count)))
        found = propose(needs, account.region)
        say(f"instance type: {found.instance_type}, proposed for {found.reason}; instance_type= overrides it")
        plan = replace(plan, instance_type=found.instance_type)
    set_up_for = (bundle.serving or {}).get("instance_type")
    if set_up_for not in (None, plan.instance_type):
        say(
            f"the model's server was set up for {set_up_for}, and {plan.instance_type} is another type: build it with "
            f"instance_type={plan.instance_type!r} to have its values chosen for that"
        )
    if plan.hosting is HostingKind.COMPONENTS and plan.resources is None:
        needs = Needs.of(bundle)
        memory = _memory_of_a_copy(needs)
        say(f"resources of a copy: {memory} MiB of memory, for {needs.words}; resources= overrides it")
        plan = replace(
            plan,
            resources=ResourcesPlan(memory=memory, num_accelerators=needs.accelerators or None),
        )
    return replace(plan, initial_instance_count=count)


def _resources(given: ResourceRequirements | None, bundle: ModelBundle) -> ResourcesPlan | None:
    if given is None:
        return None
    chosen = {
        "memory": given.min_memory or _memory_of_a_copy(Needs.of(bundle)),
        "max_memory": given.max_memory,
        "num_cpus": given.num_cpus,
        "num_accelerators": given.num_accelerators,
        "copies": given.copies,
    }
    return ResourcesPlan(**{name: value for name, value in chosen.items() if value is not None})


def _memory_of_a_copy(needs: Needs) -> int:
    return max(1024, -(-needs.memory_bytes // (1 << 20)))


def _part(kind: type[_Plan], name: str, given: _Plan | Mapping[str, Any] | None) -> _Plan | None:
    if given is None or isinstance(given, kind):
        return given
    known = [item.name for item in fields(kind)]
    if not isinstance(given, Mapping) or not given.keys() <= set(known):
        raise UsageError(f"{name}={given!r} is not understood.", remedy=f"Give a dict with {', '.join(known)}.")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return kind(**values)


def _with_input(plan: AsynchronousPlan | None) -> AsynchronousPlan | None:
    """Requests go beside the answers, if nothing is said: where the predictor puts them and the endpoint may read."""
    if plan is None or plan.output_s3_uri is None or plan.input_s3_uri is not None:
        return plan
    bucket, _, prefix = plan.output_s3_uri.removeprefix("s3://").rstrip("/").partition("/")
    beside = "/".join([*prefix.split("/")[:-1], "requests"]) if prefix else "requests"
    return replace(plan, input_s3_uri=f"s3://{bucket}/{beside}/")


def _vpc(given: VpcPlan | Mapping[str, Any] | None, account: Account) -> VpcPlan | None:
    if given is None or isinstance(given, VpcPlan):
        return given
    if not isinstance(given, Mapping):
        raise UsageError(
            f"vpc={given!r} is not understood.", remedy="Give a dict with vpc_id, subnets and perhaps more."
        )
    words = {"Subnets": "subnets", "SecurityGroupIds": "security_groups"}  # of the SageMaker SDK and API
    values = {words.get(name, name): value for name, value in given.items()}
    subnets = values.get("subnets")
    if not subnets:
        raise UsageError(
            "vpc= names no subnets.", remedy="Give two or more in different zones, as vpc={'subnets': [...]}."
        )
    if "vpc_id" not in values:
        try:
            found = account.client("ec2").describe_subnets(SubnetIds=list(subnets))["Subnets"]
        except Exception as error:  # noqa: BLE001 - whatever it is, the user can say it instead
            raise DeploymentError(
                f"the subnets {', '.join(subnets)} cannot be looked up in {account.region}: {error}.",
                remedy="Give vpc={'vpc_id': ..., 'subnets': [...]}.",
            ) from None
        values["vpc_id"] = found[0]["VpcId"]
    return _part(VpcPlan, "vpc", values)


def _artifact(
    bundle: ModelBundle, options: DeployOptions, account: Account, before: ArtifactPlan | None
) -> ArtifactPlan | None:
    """Where the model data is published to; None where it is an asset of the app, or none is needed."""
    form = bundle.container.model_data.form
    if form not in ("archive", "folder"):
        return None
    if options.bucket is not None:
        return ArtifactPlan(bucket=options.bucket, prefix=options.prefix)
    if before is not None:
        return before
    small = form == "archive" and not (
        bundle.archive_path.is_file() and bundle.archive_path.stat().st_size > ASSET_LIMIT
    )
    if small:
        return None
    return ArtifactPlan(bucket=f"cdk-hnb659fds-assets-{account.number}-{account.region}", prefix=ASSET_PREFIX)
