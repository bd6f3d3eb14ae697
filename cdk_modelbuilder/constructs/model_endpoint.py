"""ModelEndpoint: a bundle as a SageMaker Model, EndpointConfig and Endpoint."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct, IDependable

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.constructs.artifact import StagedArtifact, stage_archive
from cdk_modelbuilder.constructs.execution_role import execution_role, grant_hosting
from cdk_modelbuilder.constructs.image import ResolvedImage, resolve_image
from cdk_modelbuilder.errors import UsageError

VARIANT_NAME = "AllTraffic"
_ENDPOINT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")


class ModelEndpoint(Construct):
    """A real-time endpoint that serves one bundle.

    The template pins the bundle's root digest and names its key in the secret by key id, so another model is a diff
    that a reviewer sees, and whoever writes to the artifact bucket changes nothing. Model and EndpointConfig have no
    fixed names: CloudFormation replaces them and updates the Endpoint in place.

    Args:
        scope: Parent construct.
        id: Id within the parent.
        bundle: The bundle, or its folder. A folder is verified before anything is made from it.
        instance_type: For example ``ml.c6i.large``.
        signing_secret: Secret whose JSON maps key ids to bundle keys; ``cdk-modelbuilder keys push`` fills it.
        initial_instance_count: Instances behind the endpoint.
        role: Execution role. Default: a new one that may read this artifact, pull this image and write its log.
        endpoint_name: Fixed name of the endpoint. Default: CloudFormation makes one.
        environment: More variables for the container; not for secrets, and not for the bundle's own.
        network_isolation: Cut the container off the network. It cannot install packages then, so every requirement of
            the bundle must be in the image already.

    Attributes:
        bundle: The bundle.
        role: The execution role.
        model: The L1 Model.
        config: The L1 EndpointConfig.
        endpoint: The L1 Endpoint.

    Raises:
        BundleError: The folder is no complete bundle.
        IntegrityError: A file of the bundle was changed.
        ImageError: AWS does not offer the image in the stack's region.
        UsageError: Arguments that cannot work.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        bundle: ModelBundle | Path | str,
        instance_type: str,
        signing_secret: secretsmanager.ISecret,
        initial_instance_count: int = 1,
        role: iam.IRole | None = None,
        endpoint_name: str | None = None,
        environment: Mapping[str, str] | None = None,
        network_isolation: bool = False,
    ) -> None:
        super().__init__(scope, id)
        self.bundle = bundle if isinstance(bundle, ModelBundle) else ModelBundle.load(bundle)
        _check_arguments(instance_type, initial_instance_count, endpoint_name, signing_secret)
        self._warn()
        image, artifact = resolve_image(self, self.bundle.container.image), stage_archive(self, self.bundle)
        self.role = role or self._default_role()
        waits_for = grant_hosting(
            self.role,
            repository_arn=image.repository_arn,
            artifact_arn=artifact.object_arn,
            endpoint_name=endpoint_name,
        )
        variables = self._environment(environment or {}, signing_secret)
        self.model = self._model(image, artifact, variables, network_isolation, waits_for)
        self.config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT_NAME,
                    model_name=self.model.attr_model_name,
                    instance_type=instance_type,
                    initial_instance_count=initial_instance_count,
                    initial_variant_weight=1,
                )
            ],
        )
        self.endpoint = sagemaker.CfnEndpoint(
            self,
            "Resource",
            endpoint_config_name=self.config.attr_endpoint_config_name,
            endpoint_name=endpoint_name,
        )
        cdk.Tags.of(self).add(
            "cdk-modelbuilder:root-sha256",
            self.bundle.root_sha256,
            include_resource_types=["AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig"],
        )

    @property
    def endpoint_name(self) -> str:
        """Name of the endpoint, as a token."""
        return self.endpoint.attr_endpoint_name

    @property
    def endpoint_arn(self) -> str:
        """ARN of the endpoint, as a token."""
        return self.endpoint.ref

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let ``grantee`` send requests to the endpoint."""
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["sagemaker:InvokeEndpoint"], resource_arns=[self.endpoint_arn]
        )

    def _default_role(self) -> iam.IRole:
        wanted = self.bundle.container.execution_role_arn
        return execution_role(self) if wanted is None else iam.Role.from_role_arn(self, "Role", wanted)

    def _environment(self, extra: Mapping[str, str], secret: secretsmanager.ISecret) -> dict[str, str]:
        spec = self.bundle.container
        taken = sorted(set(extra) & {*spec.environment, *spec.secret_environment})
        if taken:
            raise UsageError(
                f"environment sets {', '.join(taken)}, which the bundle's container spec decides.",
                remedy="Leave it out, or build the bundle with env_vars=.",
            )
        # Only unwrapping gives the dynamic reference: the text of a SecretValue is its Python repr.
        secrets = {
            variable: secret.secret_value_from_json(key_id).unsafe_unwrap()
            for variable, key_id in spec.secret_environment.items()
        }
        return dict(sorted({**spec.environment, **extra, **secrets}.items()))

    def _model(
        self,
        image: ResolvedImage,
        artifact: StagedArtifact,
        variables: Mapping[str, str],
        network_isolation: bool,
        waits_for: list[IDependable],
    ) -> sagemaker.CfnModel:
        source = sagemaker.CfnModel.S3DataSourceProperty(
            s3_uri=artifact.s3_uri, s3_data_type="S3Object", compression_type="Gzip"
        )
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=network_isolation,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=image.uri,
                environment=variables,
                # ModelDataUrl would want a key that ends in .tar.gz, and asset keys end in .gz.
                model_data_source=sagemaker.CfnModel.ModelDataSourceProperty(s3_data_source=source),
            ),
        )
        for policy in waits_for:  # else CreateModel races the policy and cannot read the artifact
            model.node.add_dependency(policy)
        return model

    def _warn(self) -> None:
        end = self.bundle.container.image.end_of_patch
        if end is not None and dt.date.fromisoformat(end) < dt.datetime.now(tz=dt.UTC).date():
            image = self.bundle.container.image
            cdk.Annotations.of(self).add_warning_v2(
                "cdk-modelbuilder:image-end-of-patch",
                f"{image.repository}:{image.tag} gets no security patches since {end}. Build the model with a newer "
                "framework version.",
            )


def _check_arguments(instance_type: str, count: int, endpoint_name: str | None, secret: object) -> None:
    unresolved = cdk.Token.is_unresolved
    if not unresolved(instance_type) and not _INSTANCE_TYPE.fullmatch(instance_type):
        raise UsageError(
            f"instance_type {instance_type!r} is not a SageMaker instance type.",
            remedy="They begin with 'ml.', such as 'ml.c6i.large'.",
        )
    if not unresolved(count) and count < 1:
        raise UsageError(f"initial_instance_count is {count}.", remedy="Give at least 1.")
    if endpoint_name is not None and not unresolved(endpoint_name) and not _ENDPOINT_NAME.fullmatch(endpoint_name):
        raise UsageError(
            f"endpoint_name {endpoint_name!r} cannot name an endpoint.",
            remedy="Use up to 63 letters, digits and hyphens, with a letter or digit at both ends.",
        )
    if isinstance(secret, str) or not hasattr(secret, "secret_value_from_json"):
        raise UsageError(
            f"signing_secret is a {type(secret).__name__}, not a secret.",
            remedy="Give an ISecret: aws_secretsmanager.Secret.from_secret_name_v2(self, 'Key', 'name'). A key as text "
            "would stand in the template.",
        )
