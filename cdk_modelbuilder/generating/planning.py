"""plan_endpoint(): what is wanted of a bundle, as a plan that has been checked against it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cdk_modelbuilder.bundle import LOCK_FILE, ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.fit import check_fits
from cdk_modelbuilder.generating.names import check_model_name
from cdk_modelbuilder.generating.plan import (
    ArtifactPlan,
    AsynchronousPlan,
    EndpointPlan,
    HostingKind,
    ResourcesPlan,
    ServerlessPlan,
    VpcPlan,
)
from cdk_modelbuilder.integrity.secrets_manager import default_secret_name

# Of each processor a small type that is offered nearly everywhere; another is one word in the stack.
_SMALL = {
    ("cpu", "x86_64"): "ml.c6i.large",
    ("cpu", "arm64"): "ml.c7g.large",
    ("gpu", "x86_64"): "ml.g5.xlarge",
    ("gpu", "arm64"): "ml.g5g.xlarge",
    ("neuron", "x86_64"): "ml.inf2.xlarge",
}
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\#]+)")
_PRODUCTION_INSTANCES = 2
"""One of them may be lost (Security Hub's control SageMaker.4)."""


def plan_endpoint(
    bundle: ModelBundle,
    app: Path,
    *,
    name: str | None = None,
    hosting: HostingKind = HostingKind.REAL_TIME,
    instance_type: str | None = None,
    initial_instance_count: int | None = None,
    max_instance_count: int | None = None,
    stack_name: str | None = None,
    endpoint_name: str | None = None,
    role_arn: str | None = None,
    vpc: VpcPlan | None = None,
    network_isolation: bool | None = None,
    environment: Mapping[str, str] | None = None,
    tuning: str | None = None,
    resources: ResourcesPlan | None = None,
    serverless: ServerlessPlan | None = None,
    asynchronous: AsynchronousPlan | None = None,
    signing_secret: str | None = None,
    public_key: Path | str | None = None,
    artifact: ArtifactPlan | None = None,
    encrypt_storage: bool = True,
    verify_on_deploy: bool = False,
    monitor: bool = True,
) -> EndpointPlan:
    """The plan for ``bundle`` on one endpoint. Reads the bundle's text files only.

    Args:
        bundle: The bundle.
        app: Folder of the app that the plan is for; it need not exist.
        name: What file, class and stack are called after. Default: the bundle's name.
        hosting: Kind of hosting.
        instance_type: Default: the one that a language model was built for, else a small one for its processor.
        initial_instance_count: Default: two, where instances answer at once.
        max_instance_count: As in :class:`EndpointPlan`, and so is all that follows.
        stack_name: Name of the stack.
        endpoint_name: Name of the endpoint.
        role_arn: Execution role.
        vpc: Network.
        network_isolation: Whether the container is cut off the network.
        environment: More variables.
        tuning: When the bundle's tuning is used.
        resources: Default for components: memory by the size of the model's files, one processor or accelerator.
        serverless: Numbers of a serverless endpoint.
        asynchronous: Places of an asynchronous endpoint.
        signing_secret: Name or ARN of the secret of keys.
        public_key: File of a public key.
        artifact: Where the model data lies.
        encrypt_storage: Whether volumes have a key of their own.
        verify_on_deploy: Whether the golden test is asked.
        monitor: Whether there are alarms.

    Raises:
        UsageError: A name of which no stack can be made, or hosting that the bundle cannot have.
    """
    chosen = bundle.name if name is None else name
    check_model_name(chosen)
    if chosen != bundle.name and signing_secret is None and public_key is None:
        signing_secret = default_secret_name(bundle.name)  # where `keys push` puts them
    image = bundle.container.image
    if hosting is not HostingKind.SERVERLESS:
        instance_type = (
            instance_type or _reckoned(bundle) or _SMALL.get((image.processor, image.architecture), "ml.c6i.large")
        )
        if initial_instance_count is None and hosting is not HostingKind.ASYNCHRONOUS:
            initial_instance_count = _PRODUCTION_INSTANCES
    if hosting is HostingKind.COMPONENTS and resources is None:
        resources = _resources(bundle)
    plan = EndpointPlan(
        name=chosen,
        bundle=written_path(bundle.path, app),
        hosting=hosting,
        instance_type=instance_type,
        initial_instance_count=initial_instance_count,
        max_instance_count=max_instance_count,
        stack_name=stack_name,
        endpoint_name=endpoint_name,
        role_arn=role_arn,
        vpc=vpc,
        network_isolation=network_isolation,
        environment=dict(environment or {}),
        tuning=tuning,
        resources=resources,
        serverless=serverless,
        asynchronous=asynchronous,
        signing_secret=signing_secret,
        public_key=None if public_key is None else written_path(Path(public_key), app),
        artifact=artifact,
        encrypt_storage=encrypt_storage,
        verify_on_deploy=verify_on_deploy,
        monitor=monitor,
        packages=packages_of(bundle),
    )
    check_fits(bundle, plan)
    return plan


def replan(plan: EndpointPlan, bundle: ModelBundle, app: Path) -> EndpointPlan:
    """The same wishes for a bundle that was built anew, or lies elsewhere.

    Raises:
        UsageError: It cannot have that hosting.
    """
    made = replace(plan, bundle=written_path(bundle.path, app), packages=packages_of(bundle))
    check_fits(bundle, made)
    return made


def written_path(path: Path, app: Path) -> str:
    """``path`` as it is written in the app: relative to the app's folder, with slashes.

    Raises:
        UsageError: A path that cannot stand in a line of text.
    """
    # Links above it are followed, as `..` behind a link leads elsewhere than text says; a link itself stays one.
    place = Path(os.path.realpath(path.parent), path.name)
    written = Path(os.path.relpath(place, os.path.realpath(app))).as_posix()
    if not written.isprintable():
        raise UsageError(
            f"the path {written!r} has characters that cannot be printed.", remedy="Give the folder another name."
        )
    return written


def packages_of(bundle: ModelBundle) -> tuple[str, ...]:
    """The packages that the bundle's lock file pins, as ``name==version``."""
    lock = bundle.path / LOCK_FILE
    if not lock.is_file():
        return ()
    found = (_PIN.match(line) for line in lock.read_text(encoding="utf-8").splitlines())
    return tuple(sorted(f"{pin[1].lower()}=={pin[2]}" for pin in found if pin))


def _reckoned(bundle: ModelBundle) -> str | None:
    """The instance type that a language model's server was set up for."""
    found = (bundle.serving or {}).get("instance_type")
    return found if isinstance(found, str) else None


def _resources(bundle: ModelBundle) -> ResourcesPlan:
    files = bundle.model_dir.rglob("*") if bundle.model_dir.is_dir() else ()
    size = sum(path.stat().st_size for path in files if path.is_file())
    # Twice the files, in whole GiB: a model is read into memory, and answers need some too.
    memory = 1024 * max(1, -(-2 * size // (1 << 30)))
    if bundle.container.image.processor == "cpu":
        return ResourcesPlan(memory=memory, num_cpus=1, copies=1)
    split = ((bundle.serving or {}).get("arithmetic") or {}).get("split_over", 1)
    return ResourcesPlan(memory=memory, num_accelerators=split, copies=1)
