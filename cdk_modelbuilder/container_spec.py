"""The container spec, ``container.json``: everything that decides how a model runs, and no secret.

The constructs deploy it, the local runner runs it. Nothing about a deployment is decided anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from cdk_modelbuilder.errors import BundleError

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Which container image runs the model.

    Either ``uri`` names one image outright, or ``repository`` and ``tag`` name an image of AWS that stands in another
    registry account in every region.

    Attributes:
        uri: A complete image URI, for a container of your own.
        repository: ECR repository, such as ``sagemaker-xgboost``.
        tag: Image tag, such as ``3.2-0``.
        accounts: Region -> account of the registry.
        python: The image's Python, such as ``3.12``; None where it is not known.
        end_of_patch: ISO date after which AWS no longer patches the image; None where it is not known.
        processor: ``cpu``, ``gpu`` or ``neuron`` (Inferentia and Trainium).
        architecture: ``x86_64``, or ``arm64`` for Graviton.
        build: Folder of the bundle with a Dockerfile that puts the packages on top of the image that the other fields
            name; None where that image runs as it is.
    """

    uri: str | None = None
    repository: str | None = None
    tag: str | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)
    python: str | None = None
    end_of_patch: str | None = None
    processor: str = "cpu"
    architecture: str = "x86_64"
    build: str | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How the container is asked whether it is ready (SageMaker's own limits by default).

    Attributes:
        path: Asked with GET; 200 means ready.
        timeout_seconds: One answer must come within this.
        startup_seconds: The first 200 must come within this after the start.
    """

    path: str = "/ping"
    timeout_seconds: int = 2
    startup_seconds: int = 480


@dataclass(frozen=True, slots=True)
class ModelData:
    """What is mounted where.

    Attributes:
        form: ``archive`` (model.tar.gz) or ``folder`` (files as they are) of the bundle's; ``s3``, files that are
            elsewhere; or ``none``.
        mount_path: Where the container sees the files.
        uri: Where in S3 the files are; None where they are the bundle's.
    """

    form: str = "archive"
    mount_path: str = "/opt/ml/model"
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """How a model's container is started and talked to.

    Attributes:
        image: The container image.
        model_server: The server inside it, such as a value of :class:`~cdk_modelbuilder.servers.ModelServer`.
        environment: Variables that are not secret.
        secret_environment: Variable -> key id. The value is the bundle key with this id: taken from a secret store in
            the cloud, derived from the master key on this machine.
        secrets: Variable -> where its value is in AWS Secrets Manager: a secret's name or ARN, and ``#field`` for a
            field of its JSON. On this machine it is the variable of whoever runs the container.
        command: What SageMaker starts the image with.
        port: TCP port inside the container.
        invocations_path: Where requests are POSTed.
        max_payload_bytes: Largest request body.
        invocation_timeout_seconds: An answer must come within this.
        health_check: Readiness.
        model_data: The model's files.
        execution_role_arn: Role that the user asked for, or None.
        installs: What the container installs when it starts: ``nothing``, or packages from an ``index`` or from the
            ``bundle``; None where that is not known.
        requirements_file: Where the server looks for packages to install, below the model's folder; None for nowhere.
        verified: What checks the model's folder before it is served: the image's ``entry-point``, the
            ``inference-code``, or ``nothing``.
        labels_answers: Whether the answer's ``Content-Type`` says what it is; else a client asks for one type and takes
            the answer for that.
        inference_ami_version: ``InferenceAmiVersion`` that a variant needs for the image; None for SageMaker's default.
    """

    image: ImageReference
    model_server: str
    environment: Mapping[str, str]
    secret_environment: Mapping[str, str]
    command: tuple[str, ...] = ("serve",)
    port: int = 8080
    invocations_path: str = "/invocations"
    max_payload_bytes: int = 25 << 20
    invocation_timeout_seconds: int = 60
    health_check: HealthCheck = field(default_factory=HealthCheck)
    model_data: ModelData = field(default_factory=ModelData)
    execution_role_arn: str | None = None
    installs: str | None = None
    requirements_file: str | None = "code/requirements.txt"
    verified: str = "inference-code"
    labels_answers: bool = True
    inference_ami_version: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``container.json``; without ``secrets`` where there are none, as before there could be."""
        data = {"format_version": FORMAT_VERSION, **asdict(self), "command": list(self.command)}
        if not self.secrets:
            del data["secrets"]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ContainerSpec:
        """The spec in ``data``.

        Raises:
            BundleError: A newer format, or a field that is missing or unknown.
        """
        if data.get("format_version") != FORMAT_VERSION:
            raise BundleError(
                f"container.json has format version {data.get('format_version')!r}; this version reads "
                f"{FORMAT_VERSION}.",
                remedy="Upgrade cdk-modelbuilder, or build the bundle again with this version.",
            )
        values = {name: value for name, value in data.items() if name != "format_version"}
        try:
            values["image"] = ImageReference(**values["image"])
            values["health_check"] = HealthCheck(**values["health_check"])
            values["model_data"] = ModelData(**values["model_data"])
            values["command"] = tuple(values["command"])
            for name in ("environment", "secret_environment", "secrets"):
                if name not in values and name == "secrets":
                    continue
                if not all(isinstance(text, str) for pair in values[name].items() for text in pair):
                    raise TypeError(f"{name} holds something else than text")
            return cls(**values)
        except (AttributeError, KeyError, TypeError) as error:
            known = ", ".join(item.name for item in fields(cls))
            raise BundleError(
                f"container.json is malformed: {error}.",
                remedy=f"Restore it from version control. Its fields are {known}.",
            ) from None
