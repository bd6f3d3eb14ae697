"""Whether a bundle can be hosted as a plan says: what would fail at synth, or in the deployment, is said before."""

from __future__ import annotations

import re

from cdk_modelbuilder import instances
from cdk_modelbuilder.bundle import GOLDEN_FILE, ModelBundle
from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.errors import BundleError, UsageError
from cdk_modelbuilder.generating.plan import EndpointPlan, HostingKind, VpcPlan
from cdk_modelbuilder.reckoned_needs import ReckonedNeeds
from cdk_modelbuilder.secret_reference import refuse_tokens

ASSET_LIMIT_MIB = 512
"""As in the construct library, which refuses larger assets."""
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
_ENDPOINT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_CHIPS = {"NVIDIA": "gpu", "AWS": "neuron"}
_WORDS = {"cpu": "processors alone", "gpu": "NVIDIA GPUs", "neuron": "Inferentia or Trainium"}
_CPUS = {"arm64": "Graviton", "x86_64": "Intel or AMD"}


def check_fits(bundle: ModelBundle, plan: EndpointPlan) -> None:
    """Refuse a plan that cannot work for ``bundle``.

    Raises:
        BundleError: The bundle's model data cannot be deployed as planned.
        UsageError: Its hosting cannot.
    """
    check_plan(plan)
    if plan.hosting is HostingKind.SERVERLESS:
        _check_serverless(bundle)
    else:
        check_image(bundle.container.image, plan)
        _check_served(bundle, plan)
    _check_model_data(bundle, plan)
    if plan.verify_on_deploy and not (bundle.path / GOLDEN_FILE).is_file():
        raise BundleError(
            f"verify_on_deploy asks the golden test, but {bundle.path} has no {GOLDEN_FILE}.",
            remedy="Build it with SchemaBuilder(..., keep_samples=True), or leave verify_on_deploy out.",
        )
    if plan.public_key is not None and bundle.public_signature is None:
        raise UsageError(
            f"{bundle.path} has no public signature that {plan.public_key} could verify.",
            remedy="Build it with ModelBuilder(signing_private_key=...), or leave the public key out.",
        )


def check_plan(plan: EndpointPlan) -> None:
    """Refuse a plan that cannot work for any bundle.

    Raises:
        UsageError: Options of another hosting, an instance type or numbers that there are not, or a hub's token.
    """
    if plan.endpoint_name is not None and not _ENDPOINT_NAME.fullmatch(plan.endpoint_name):
        raise UsageError(
            f"endpoint_name {plan.endpoint_name!r} cannot be a name in SageMaker.",
            remedy="Use up to 63 letters, digits and hyphens, with a letter or digit at both ends.",
        )
    _check_options(plan)
    refuse_tokens(plan.environment, "environment")
    if plan.vpc is not None:
        _check_vpc(plan.vpc)
    if plan.hosting is HostingKind.SERVERLESS:
        _check_without_instances(plan)
    else:
        _check_instances(plan)


def check_image(image: ImageReference, plan: EndpointPlan) -> None:
    """Refuse instances that the image does not run on.

    Raises:
        UsageError: Another architecture, or accelerators that the image needs are missing.
    """
    name = str(plan.instance_type)
    known = instances.instance_type(name)
    if known is None or (image.uri is not None and image.build is None):
        return  # the user's own image, of which nothing is known
    if image.architecture != known.architecture:
        raise UsageError(
            f"{plan.bundle} is for {_CPUS[image.architecture]}, and {name} has {_CPUS[known.architecture]}.",
            remedy=f"Build it with ModelBuilder(instance_type={name!r}), or choose another instance type.",
        )
    chip = "cpu" if known.accelerator is None else _CHIPS.get(known.accelerator.manufacturer, "cpu")
    if image.processor not in ("cpu", chip):
        raise UsageError(
            f"{plan.bundle} is for {_WORDS[image.processor]}, and {name} has {_WORDS[chip]}.",
            remedy=f"Build it with ModelBuilder(instance_type={name!r}), or choose another instance type.",
        )


def _check_served(bundle: ModelBundle, plan: EndpointPlan) -> None:
    needs = ReckonedNeeds.of(bundle.serving, str(bundle.path))
    why = None if needs is None else needs.why_not(str(plan.instance_type))
    if needs is not None and why is not None:
        raise UsageError(
            f"the server of {plan.bundle} was set up for {needs.instance_type}: {why}.",
            remedy=f"Build it with ModelBuilder(instance_type={str(plan.instance_type)!r}), or choose another type.",
        )


def _check_options(plan: EndpointPlan) -> None:
    for name, value, kind in (
        ("resources", plan.resources, HostingKind.COMPONENTS),
        ("max_instance_count", plan.max_instance_count, HostingKind.COMPONENTS),
        ("serverless", plan.serverless, HostingKind.SERVERLESS),
        ("asynchronous", plan.asynchronous, HostingKind.ASYNCHRONOUS),
    ):
        if value is not None and plan.hosting is not kind:
            raise UsageError(
                f"{name} is for the hosting {kind.value!r}, and {plan.name} has {plan.hosting.value!r}.",
                remedy=f"Leave it out, or choose {kind.value!r}.",
            )


def _check_vpc(vpc: VpcPlan) -> None:
    # Limits: VpcConfig in the SageMaker API reference.
    if not 1 <= len(vpc.subnets) <= 16 or len(vpc.security_groups) > 5:
        raise UsageError(
            f"the VPC {vpc.vpc_id} is given with {len(vpc.subnets)} subnets and {len(vpc.security_groups)} security "
            "groups.",
            remedy="Give 1 to 16 subnets, and up to 5 security groups.",
        )
    if vpc.availability_zones and len(vpc.availability_zones) != len(vpc.subnets):
        raise UsageError(
            f"there are {len(vpc.subnets)} subnets and {len(vpc.availability_zones)} zones.",
            remedy="Give the zone of each subnet, or none.",
        )


def _check_serverless(bundle: ModelBundle) -> None:
    image, data = bundle.container.image, bundle.container.model_data
    reasons = {
        f"it was built for {_WORDS.get(image.processor, image.processor)}": image.processor != "cpu",
        f"it was built for {_CPUS['arm64']}": image.architecture == "arm64",
        "its model data is no archive (it was built with archive=False)": data.form == "folder",
        "its model data lies in S3 as files": data.form == "s3",
    }
    for reason, found in reasons.items():
        if found:
            raise UsageError(
                f"the bundle {bundle.path} cannot be a serverless endpoint: {reason}.",
                remedy="Build it for ml.c6i.large and with an archive, or choose another hosting.",
            )


def _check_without_instances(plan: EndpointPlan) -> None:
    for name, value in (
        ("instance_type", plan.instance_type),
        ("initial_instance_count", plan.initial_instance_count),
        ("vpc", plan.vpc),
        ("network_isolation", plan.network_isolation or None),
    ):
        if value is not None:
            raise UsageError(
                f"a serverless endpoint has no {name}.", remedy="Leave it out, or choose the hosting 'real-time'."
            )


def _check_instances(plan: EndpointPlan) -> None:
    name = plan.instance_type or ""
    if not _INSTANCE_TYPE.fullmatch(name):
        raise UsageError(
            f"instance_type {plan.instance_type!r} is not a SageMaker instance type.",
            remedy="They begin with 'ml.', such as 'ml.c6i.large'.",
        )
    if plan.initial_instance_count is not None and plan.initial_instance_count < 1:
        raise UsageError(
            f"initial_instance_count is {plan.initial_instance_count}.", remedy="An endpoint begins with one or more."
        )
    known = instances.instance_type(name)
    if known is None:
        near = ", ".join(instances.nearest(name)) or "none"
        raise UsageError(
            f"instance_type {name!r} is not in the table of {instances.table_date()}. Like it: {near}.",
            remedy=f"Mend the name. If it is newer than that, write InstanceType.of({name!r}) into the stack.",
        )


def _check_model_data(bundle: ModelBundle, plan: EndpointPlan) -> None:
    form = bundle.container.model_data.form
    if plan.artifact is not None or form in ("none", "s3"):
        return
    if form == "folder":
        raise BundleError(
            f"{bundle.path} was built with archive=False, as folders of language models are, so it cannot be an asset "
            "of the app.",
            remedy="Name the bucket that `cdk-modelbuilder publish` puts it into (--bucket), or build an archive.",
        )
    size = bundle.archive_path.stat().st_size >> 20 if bundle.archive_path.is_file() else 0
    if size > ASSET_LIMIT_MIB:
        raise BundleError(
            f"{bundle.archive_path} has {size} MiB; assets of an app are for up to {ASSET_LIMIT_MIB} MiB.",
            remedy="Name the bucket that `cdk-modelbuilder publish` puts it into (--bucket).",
        )
