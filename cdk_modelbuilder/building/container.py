"""The container of a bundle: what its server's files are made from, its environment, and the container spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cdk_modelbuilder.building.hosting import HostingWishes
from cdk_modelbuilder.building.model_source import HubModel
from cdk_modelbuilder.building.packing import Packed
from cdk_modelbuilder.building.plan import Plan
from cdk_modelbuilder.container_spec import ContainerSpec, HealthCheck, ModelData
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.manifest import Manifest
from cdk_modelbuilder.servers import Layout, Verified
from cdk_modelbuilder.servers.base import INVOCATION_SECONDS

_LOADED_A_MINUTE = 12 * 10**9
"""Bytes of weights, read and put on accelerators: 200 MB a second. An assumption on the slow side, as is the next."""
_DOWNLOADED_A_MINUTE = 6 * 10**9
"""The same, fetched from a hub before."""
_LONGEST_START = 3600
"""SageMaker waits no longer (``ContainerStartupHealthCheckTimeoutInSeconds``)."""
_MOUNT_PATH = ModelData().mount_path


def layout_of(plan: Plan, wishes: HostingWishes, *, name: str) -> Layout:
    """What the server's own files and variables are made from."""
    host = plan.runtime.host
    limit, seconds = wishes.max_payload_bytes, wishes.invocation_seconds
    return Layout(
        name=name,
        mount_path=_MOUNT_PATH,
        framework=plan.framework["name"],
        data_format=str(plan.description["format"]),
        marshaller=plan.marshaller,
        python=host.reference.python,
        description=plan.description,
        model=plan.model_source.name if isinstance(plan.model_source, HubModel) else _MOUNT_PATH,
        revision=plan.model_source.revision if isinstance(plan.model_source, HubModel) else None,
        accelerated=host.reference.processor == "gpu",
        installs=plan.runtime.terms.options.packaging != "image",
        startup_seconds=_startup_seconds(plan),
        invocation_seconds=INVOCATION_SECONDS if seconds is None else seconds,
        max_payload_bytes=plan.server.max_payload_bytes if limit is None else limit,
    )


def _startup_seconds(plan: Plan) -> int:
    """How long a start may take: SageMaker's default, and a minute for each so many bytes of a language model."""
    usual, record = HealthCheck().startup_seconds, None if plan.serving is None else plan.serving.record
    if record is None or record["model"] is None:
        return usual
    each_minute = _DOWNLOADED_A_MINUTE if isinstance(plan.model_source, HubModel) else _LOADED_A_MINUTE
    return min(_LONGEST_START, usual + 60 * (int(record["model"]["weight_bytes"]) // each_minute))


def environment_of(plan: Plan, layout: Layout, own: Mapping[str, str]) -> dict[str, str]:
    """The container's variables, but for those that name what is sealed later; the user's ``own`` win."""
    chosen = {} if plan.serving is None else plan.serving.environment
    return {**plan.server.environment(layout), **chosen, **own}


def container_spec_of(
    plan: Plan,
    packed: Packed,
    manifest: Manifest,
    layout: Layout,
    *,
    environment: Mapping[str, str],
    key_id: str,
    archive: bool,
    secrets: Mapping[str, str],
    role_arn: str | None,
) -> ContainerSpec:
    """The container spec of a sealed bundle.

    Args:
        plan: The bundle's plan.
        packed: Its packages.
        manifest: Its sealed content.
        layout: What :func:`layout_of` gave.
        environment: What :func:`environment_of` gave.
        key_id: Id of the bundle's key.
        archive: Whether there is a ``model.tar.gz``.
        secrets: Variables whose values are in Secrets Manager, and where there.
        role_arn: Role that the user asked for.
    """
    host, server = plan.runtime.host, plan.server
    verified = Verified.BY_ENTRY_POINT if packed.verifies else server.verified
    needs_key = server.template is not None or verified is not Verified.BY_NOTHING
    return ContainerSpec(
        image=replace(host.reference, build=packed.image_folder),
        model_server=server.name,
        environment={
            **environment,
            verifier.KEY_ID_VARIABLE: key_id,
            verifier.MANIFEST_VARIABLE: manifest.sha256,
            verifier.ROOT_VARIABLE: manifest.root_sha256,
        },
        secret_environment={verifier.KEY_VARIABLE: key_id} if needs_key else {},
        secrets=secrets,
        max_payload_bytes=layout.max_payload_bytes,
        invocation_timeout_seconds=layout.invocation_seconds,
        health_check=HealthCheck(startup_seconds=layout.startup_seconds),
        model_data=plan.model_data or ModelData(form="archive" if archive else "folder"),
        execution_role_arn=role_arn,
        installs=packed.installs,
        requirements_file=server.requirements_file,
        verified=verified.value,
        labels_answers=server.labels_answers,
        inference_ami_version=host.inference_ami_version,
    )
