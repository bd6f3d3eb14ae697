"""Containers of a Model: one of your own making, or a bundle's."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.constructs.arguments import check_name, is_token
from cdk_modelbuilder.constructs.artifact import Artifact
from cdk_modelbuilder.constructs.image import ContainerImage, PrivateRegistry
from cdk_modelbuilder.constructs.imported_secret import ImportedSecret
from cdk_modelbuilder.constructs.integrity import BoundIntegrity, Integrity
from cdk_modelbuilder.constructs.model_data import ModelData
from cdk_modelbuilder.constructs.permissions import Statement, pull_image
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.secret_reference import SecretReference, refuse_tokens

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_secretsmanager as secretsmanager

MAX_VARIABLES = 100
MAX_VARIABLE_BYTES = 1024
ROOT_TAG = "cdk-modelbuilder:root-sha256"


@dataclass(frozen=True, slots=True)
class BoundContainer:
    """A container as the Model's template has it.

    Attributes:
        definition: The L1 property.
        permissions: What the role needs for it.
        environment: The variables, for checks over all containers of a Model.
        isolation_hindrance: Why this container does not start without a network; None if it does.
        root_sha256: The bundle's root digest; None for a container of your own making.
        image_uri: The image.
        model_data: The model's files.
    """

    definition: sagemaker.CfnModel.ContainerDefinitionProperty
    permissions: Sequence[Statement]
    environment: Mapping[str, str]
    isolation_hindrance: str | None
    root_sha256: str | None
    image_uri: str | None
    model_data: ModelData | None


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of a Model.

    Attributes:
        image: Its image; None only where ``model_package_arn`` brings one.
        model_data: The model's files; None for an image that holds its model.
        environment: Variables that are not secret.
        secrets: Variables that are: an ISecret (its whole value) or a SecretValue (a field of one). A reference
            goes into the template, never the value. DescribeModel shows the value to whoever may call it.
        hostname: Name of the container in a Model of several, for direct invocation.
        multi_model: Load models on demand from the archives below ``model_data``.
        model_cache: Keep the models of a multi-model container in memory between requests. Default: SageMaker's, yes.
        model_package_arn: A package of a model registry, instead of ``image`` and ``model_data``.
        package_contents: What that package is made of, so that the role may fetch it: its ARN does not say. A package
            of AWS Marketplace needs nothing.
        inference_specification: Which of the package's specifications.
        private_registry: The image is in a registry inside your VPC.

    Raises:
        UsageError: Fields that cannot go together, or a secret as text.
    """

    image: ContainerImage | None = None
    model_data: ModelData | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, secretsmanager.ISecret | ImportedSecret | cdk.SecretValue] = field(default_factory=dict)
    hostname: str | None = None
    multi_model: bool = False
    model_cache: bool | None = None
    model_package_arn: str | None = None
    package_contents: Sequence[ModelData | ContainerImage] = ()
    inference_specification: str | None = None
    private_registry: PrivateRegistry | None = None

    needs_image: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_name("hostname", self.hostname)
        if self.needs_image and (self.image is None) == (self.model_package_arn is None):
            raise UsageError(
                "a container has either an image or a model package.", remedy="Give image= or model_package_arn=."
            )
        if self.model_package_arn is not None and self.model_data is not None:
            raise UsageError(
                "a container of a model package has its model data from the package.", remedy="Leave out model_data."
            )
        if self.package_contents and self.model_package_arn is None:
            raise UsageError(
                "package_contents says what a package is made of, and there is none.",
                remedy="Give model_package_arn=, or image= and model_data= instead.",
            )
        if self.multi_model and (self.model_data is None or self.model_data.url is None):
            raise UsageError(
                "a multi-model container needs the prefix of its archives.",
                remedy="Give model_data=ModelData.many_archives('s3://bucket/models/').",
            )
        if self.model_cache is not None and not self.multi_model:
            raise UsageError("model_cache belongs to multi-model containers.", remedy="Set multi_model=True.")
        for name, value in self.secrets.items():
            if isinstance(value, str) or not (hasattr(value, "secret_value") or hasattr(value, "unsafe_unwrap")):
                raise UsageError(
                    f"the secret {name} is a {type(value).__name__}.",
                    remedy="Give an ISecret, or secret.secret_value_from_json('field'). Text would stand in the "
                    "template.",
                )
        both = sorted(set(self.environment) & set(self.secrets))
        if both:
            raise UsageError(f"{', '.join(both)} stands in environment and in secrets.", remedy="Name it once.")
        refuse_tokens(self.environment, "environment")
        for name, text in self.environment.items():
            check_variable(name, text)

    @classmethod
    def from_bundle(
        cls,
        bundle: ModelBundle | Path | str,
        *,
        signing_secret: secretsmanager.ISecret | ImportedSecret | None = None,
        integrity: Integrity | None = None,
        artifact: Artifact | None = None,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, secretsmanager.ISecret | ImportedSecret | cdk.SecretValue] | None = None,
        hostname: str | None = None,
        tuning: str = "matching",
    ) -> BundleContainer:
        """The container of a bundle, as its container spec says.

        Args:
            bundle: The bundle, or its folder. Only text files are read; the container verifies the model's at start.
            signing_secret: Short for ``integrity=Integrity.hmac(signing_secret)``.
            integrity: How the container gets what it verifies the bundle with. Neither is used for a bundle whose
                container verifies nothing.
            artifact: Where the model data lies. Default: an asset of the app.
            environment: More variables; not for secrets, and not for the bundle's own.
            secrets: More variables that are secret.
            hostname: Name of the container in a Model of several.
            tuning: When a ModelEndpoint uses the serving properties that ``tune()`` wrote into the bundle: on
                ``matching`` instances, ``always`` or ``never``.

        Raises:
            BundleError: The folder is no bundle.
            IntegrityError: Its text files contradict each other.
            UsageError: Neither or both of ``signing_secret`` and ``integrity``, or a variable of the bundle's own.
        """
        opened = bundle if isinstance(bundle, ModelBundle) else ModelBundle.read(bundle)
        needs_key = bool(opened.container.secret_environment)
        return BundleContainer(
            bundle=opened,
            integrity=_one_integrity(signing_secret, integrity) if needs_key else None,
            artifact=artifact or Artifact.asset(),
            environment=environment or {},
            secrets=secrets or {},
            hostname=hostname,
            tuning=tuning,
        )

    def bind(self, scope: Construct) -> BoundContainer:
        """The container for a Model at ``scope``.

        Raises:
            ImageError: AWS does not offer the image in the stack's region.
        """
        environment = {**self.environment, **self._unwrapped(scope)}
        return self._bound(scope, self.image, self.model_data, environment)

    def _bound(
        self,
        scope: Construct,
        image: ContainerImage | None,
        data: ModelData | None,
        environment: Mapping[str, str],
        *,
        permissions: Sequence[Statement] = (),
        isolation_hindrance: str | None = None,
        root_sha256: str | None = None,
    ) -> BoundContainer:
        model = sagemaker.CfnModel
        resolved = None if image is None else image.bind(scope)
        repository = None if resolved is None else resolved.repository_arn
        definition = model.ContainerDefinitionProperty(
            image=None if resolved is None else resolved.uri,
            container_hostname=self.hostname,
            environment=dict(sorted(environment.items())) or None,
            image_config=None if self.private_registry is None else self.private_registry.render(),
            mode="MultiModel" if self.multi_model else None,
            multi_model_config=None
            if self.model_cache is None
            else model.MultiModelConfigProperty(model_cache_setting="Enabled" if self.model_cache else "Disabled"),
            model_data_url=None if data is None else data.url,
            model_data_source=None
            if data is None or data.source is None
            else model.ModelDataSourceProperty(s3_data_source=data.source),
            model_package_name=self.model_package_arn,
            inference_specification_name=self.inference_specification,
        )
        return BoundContainer(
            definition=definition,
            permissions=[
                *pull_image([repository] if repository else []),
                *(self.private_registry.permissions() if self.private_registry else ()),
                *(data.permissions if data else ()),
                *self._for_the_package(scope),
                *permissions,
            ],
            environment=environment,
            isolation_hindrance=isolation_hindrance,
            root_sha256=root_sha256,
            image_uri=None if resolved is None else resolved.uri,
            model_data=data,
        )

    def _for_the_package(self, scope: Construct) -> list[Statement]:
        statements: list[Statement] = []
        for one in self.package_contents:
            if isinstance(one, ModelData):
                statements += one.permissions
            else:
                repository = one.bind(scope).repository_arn
                statements += pull_image([repository] if repository else [])
        return statements

    def _unwrapped(self, scope: Construct) -> dict[str, str]:
        # Only unwrapping gives the dynamic reference: the text of a SecretValue is its Python repr.
        values: dict[str, str] = {}
        for name, secret in self.secrets.items():
            value = secret if isinstance(secret, cdk.SecretValue) else secret.secret_value
            values[name] = value.unsafe_unwrap()
            _check_reference(scope, name, values[name])
        return values


@dataclass(frozen=True, kw_only=True)
class BundleContainer(Container):
    """A bundle as a container; made by :meth:`Container.from_bundle`.

    Attributes:
        bundle: The bundle.
        integrity: How the container gets what it verifies the bundle with; None where it verifies nothing.
        artifact: Where the bundle's own files lie.
        tuning: When the bundle's tuning is used: ``matching``, ``always`` or ``never``.
        tuned: The variables of it that are used; None takes one away.
    """

    bundle: ModelBundle
    integrity: Integrity | None
    artifact: Artifact
    tuning: str = "matching"
    tuned: Mapping[str, str | None] = field(default_factory=dict)

    needs_image: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        spec = self.bundle.container
        extra = {*self.environment, *self.secrets}
        taken = sorted(extra & {*spec.environment, *spec.secret_environment} | {*self.environment} & {*spec.secrets})
        taken += sorted(name for name in extra if name.startswith("MODELBUILDER_") and name not in taken)
        if taken:
            raise UsageError(
                f"environment sets {', '.join(taken)}, which the bundle's container spec decides.",
                remedy="Leave it out, or build the bundle with env_vars=.",
            )

    def bind(self, scope: Construct) -> BoundContainer:
        """The container for a Model at ``scope``.

        Raises:
            BundleError: The model data is not where ``artifact`` says, or is too large for an asset.
            ImageError: AWS does not offer the image in the stack's region.
            UsageError: The bundle cannot be verified in the way that ``integrity`` says.
        """
        spec = self.bundle.container
        self._warn(scope)
        proof = BoundIntegrity({}) if self.integrity is None else self.integrity.bind(self.bundle)
        return self._bound(
            scope,
            ContainerImage.from_reference(spec.image, bundle=self.bundle.path),
            self._model_data(scope),
            {
                **self._own_environment(),
                **_referred(spec.secrets),
                **self.environment,
                **self._unwrapped(scope),
                **proof.environment,
            },
            permissions=proof.statements,
            isolation_hindrance=_hindrance(self.bundle, proof),
            root_sha256=self.bundle.root_sha256,
        )

    def _own_environment(self) -> dict[str, str]:
        together = {**self.bundle.container.environment, **self.tuned}
        return {name: text for name, text in together.items() if text is not None}

    def _model_data(self, scope: Construct) -> ModelData | None:
        data = self.bundle.container.model_data
        if data.form == "none":
            return None
        if data.uri is None:
            return self.artifact.bind(scope, self.bundle)
        return ModelData.folder(data.uri) if data.uri.endswith("/") else ModelData.archive(data.uri)

    def _warn(self, scope: Construct) -> None:
        image = self.bundle.container.image
        today = dt.datetime.now(tz=dt.UTC).date()
        if image.end_of_patch is not None and dt.date.fromisoformat(image.end_of_patch) < today:
            cdk.Annotations.of(scope).add_warning_v2(
                "cdk-modelbuilder:image-end-of-patch",
                f"{image.repository}:{image.tag} gets no security patches since {image.end_of_patch}. Build the model "
                "with a newer framework version.",
            )


def check_environment(containers: Sequence[BoundContainer]) -> None:
    """Refuse variables that CreateModel refuses.

    Source: ``ContainerDefinition.Environment`` in the API reference: 100 variables, 1024 bytes a key and a value; the
    API answers with an error above 32 KB over all containers of a model.

    Raises:
        UsageError: Too many, too long, or too large together.
    """
    total = 0
    for container in containers:
        if len(container.environment) > MAX_VARIABLES:
            raise UsageError(
                f"a container has {len(container.environment)} environment variables; SageMaker takes {MAX_VARIABLES}.",
                remedy="Put settings into a file of the model, or several into one variable.",
            )
        for name, value in container.environment.items():
            total += len(name.encode()) + len(value.encode())
    if total > 32 << 10:
        raise UsageError(
            f"the containers' environments have {total} bytes together; SageMaker takes {32 << 10}.",
            remedy="Put settings into a file of the model.",
        )


def _referred(secrets: Mapping[str, str]) -> dict[str, str]:
    """CloudFormation reads the values with its own rights when it deploys; the execution role needs none for them."""
    return {name: SecretReference.parse(text, name).dynamic_reference for name, text in secrets.items()}


def _check_reference(scope: Construct, name: str, text: str) -> None:
    """Refuse a secret whose value would stand in the template, or that CloudFormation would not resolve there."""
    shown = str(cdk.Stack.of(scope).resolve(text)) if is_token(text) else text
    if not is_token(text) and not text.startswith("{{resolve:"):
        raise UsageError(
            f"the secret {name} is plain text, which would stand in the template.",
            remedy="Give an ISecret, or SecretValue.secrets_manager('name', json_field='field').",
        )
    if "{{resolve:ssm-secure:" in shown:
        raise UsageError(
            f"the secret {name} is a SecureString of Parameter Store, which CloudFormation resolves for no Model.",
            remedy="Keep it in Secrets Manager.",
        )


def check_variable(name: object, value: object) -> None:
    """Refuse a variable that no container takes.

    Raises:
        UsageError: It is none, or too long.
    """
    if not isinstance(name, str) or not isinstance(value, str):
        raise UsageError(
            f"the environment has {name!r}: {value!r}; both must be text.", remedy="Write numbers as text, such as '4'."
        )
    if re.match(r"<[\w.]+ object at 0x", value):
        raise UsageError(
            f"the environment variable {name} is {value}, the text of a Python object, and another in every synth.",
            remedy="Give a secret in secrets=, and the value of anything else.",
        )
    if not name.replace("_", "a").isalnum() or name[:1].isdigit():
        raise UsageError(
            f"{name!r} is no name for an environment variable.",
            remedy="Use letters, digits and underscores, not beginning with a digit.",
        )
    if not is_token(value) and max(len(name.encode()), len(value.encode())) > MAX_VARIABLE_BYTES:
        raise UsageError(
            f"the environment variable {name[:60]} has {len(value.encode())} bytes; SageMaker takes "
            f"{MAX_VARIABLE_BYTES}.",
            remedy="Put the value into a file of the model.",
        )


def _hindrance(bundle: ModelBundle, proof: Any) -> str | None:
    if not proof.works_isolated:
        return str(proof.needs_network)
    if bundle.info.get("model", {}).get("format") == "hub":
        return f"{bundle.name} downloads its model from a hub"
    installs, requirements = bundle.container.installs, bundle.container.requirements_file
    if installs == "index" or (installs is None and requirements in bundle.manifest.files):
        return f"{bundle.name} has packages to install ({requirements})"
    return None


def _one_integrity(secret: secretsmanager.ISecret | ImportedSecret | None, integrity: Integrity | None) -> Integrity:
    if secret is not None and integrity is None:
        return Integrity.hmac(secret)
    if integrity is None or secret is not None:
        raise UsageError(
            "a bundle needs one way to be verified by its container.",
            remedy="Give signing_secret=, or integrity=Integrity.hmac(...), .secret_reference(...), .public_key(...).",
        )
    return integrity
