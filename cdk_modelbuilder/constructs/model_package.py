"""Model registry: groups of packages, a bundle as a package, and an approved package as a container."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from cdk_modelbuilder.constructs.arguments import check_name, check_s3_uri
from cdk_modelbuilder.constructs.container import BoundContainer, BundleContainer, Container
from cdk_modelbuilder.constructs.permissions import ACCOUNT, PARTITION, REGION
from cdk_modelbuilder.constructs.references import name_in_arn, reference
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk.interfaces import aws_sagemaker as refs

_L1 = sagemaker.CfnModelPackage
_READ_ACTIONS = (
    "sagemaker:CreateModel",
    "sagemaker:DescribeModelPackage",
    "sagemaker:DescribeModelPackageGroup",
    "sagemaker:ListModelPackages",
)


class ApprovalStatus(StrEnum):
    """Whether a package may be deployed. Source: ``ModelApprovalStatus``."""

    APPROVED = "Approved"
    REJECTED = "Rejected"
    PENDING_MANUAL_APPROVAL = "PendingManualApproval"


class ImportedModelPackageGroup:
    """A group that another stack, or nobody's stack, made."""

    def __init__(self, arn: str, name: str) -> None:
        self.model_package_group_arn, self.model_package_group_name = arn, name

    @property
    def model_package_group_ref(self) -> refs.ModelPackageGroupReference:
        """ARN, for what takes a group."""
        made: refs.ModelPackageGroupReference = reference("ModelPackageGroup", self.model_package_group_arn)
        return made


class ModelPackageGroup(cdk.Resource):
    """All versions of one model. SageMaker does not delete it while it holds packages, so it is retained by default.

    Args:
        scope: Parent construct.
        id: Id within the parent.
        model_package_group_name: Name; another one is another group.
        description: For people.
        readers: Accounts that may look at its packages and deploy them.
        policy: A resource policy of your own, instead of ``readers``.
        removal_policy: What happens to it with the stack. Default: it stays.

    Attributes:
        model_package_group_name: Name.
        resource: The L1.

    Raises:
        UsageError: A name that SageMaker would refuse, or both policies.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        model_package_group_name: str,
        description: str | None = None,
        readers: Sequence[iam.AccountPrincipal] = (),
        policy: iam.PolicyDocument | None = None,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, id)
        check_name("model_package_group_name", model_package_group_name)
        if readers and policy is not None:
            raise UsageError("readers and policy say the same.", remedy="Give one of them.")
        self.model_package_group_name = model_package_group_name
        self.resource = sagemaker.CfnModelPackageGroup(
            self,
            "Resource",
            model_package_group_name=model_package_group_name,
            model_package_group_description=description,
            model_package_group_policy=policy or _readable_by(model_package_group_name, readers),
        )
        self.resource.apply_removal_policy(removal_policy)

    @classmethod
    def from_model_package_group_name(
        cls,
        scope: Construct,  # noqa: ARG003 - the CDK's form of imports
        id: str,  # noqa: A002, ARG003
        name: str,
    ) -> ImportedModelPackageGroup:
        """A group of this account and region by its name, as it is."""
        arn = f"arn:{PARTITION}:sagemaker:{REGION}:{ACCOUNT}:model-package-group/{name}"
        return ImportedModelPackageGroup(arn, name)

    @classmethod
    def from_model_package_group_arn(
        cls,
        scope: Construct,  # noqa: ARG003 - the CDK's form of imports
        id: str,  # noqa: A002, ARG003
        arn: str,
    ) -> ImportedModelPackageGroup:
        """A group by its ARN, as it is.

        Raises:
            UsageError: It is no ARN of a group.
        """
        return ImportedModelPackageGroup(arn, name_in_arn(arn, "model-package-group"))

    @property
    def model_package_group_arn(self) -> str:
        """ARN, as a token."""
        return self.resource.ref

    @property
    def model_package_group_ref(self) -> refs.ModelPackageGroupReference:
        """ARN, for what takes a group."""
        made: refs.ModelPackageGroupReference = reference("ModelPackageGroup", self.resource.ref)
        return made


class ModelPackage(cdk.Resource):
    """One version of a model in a registry.

    A bundle is registered with its image, its model data, its digests as metadata and its content types. Which of a
    package's properties can change later is SageMaker's: approval, metadata, tags; all else makes another version.

    Args:
        scope: Parent construct.
        id: Id within the parent.
        containers: A container, often ``Container.from_bundle(...)``, or a pipeline of them.
        inference_specification: The same as the L1 has it, instead of ``containers``.
        group: The group of versions; else ``model_package_name`` for one without versions.
        model_package_name: Name of a package without versions.
        description: For people.
        approval_status: Whether it may be deployed. Default: pending.
        approval_description: Why.
        content_types: What it takes. Default: the bundle's.
        response_types: What it answers. Default: the bundle's.
        realtime_instance_types: Types that it runs on.
        transform_instance_types: Types that batch jobs run on.
        metadata: Names and values. A bundle adds its name and digests.
        domain: Field of machine learning, such as ``MACHINE_LEARNING``.
        task: Such as ``CLASSIFICATION``.
        sample_payload_s3_uri: A request to measure it with.
        source_uri: Where the model comes from.
        encryption_key: Key for the model card.
        certify_for_marketplace: For a package in AWS Marketplace.
        skip_validation: Do not check image and model data when it is made.
        additional_inference_specifications: More ways to run it, with everything that the L1 has.
        additional_inference_specifications_to_add: The same, added to a package that is there.
        model_metrics: Reports of quality, bias and explainability.
        drift_check_baselines: Baselines of monitoring.
        metadata_properties: Commit, repository, project.
        model_card: The model card.
        validation_specification: A transform job that proves the package.
        source_algorithms: The algorithm that it is an image of.
        last_modified_time: Kept for imports of resources.
        model_package_version: The same.
        client_token: The same.
        status_details: The same.

    Attributes:
        model_package_arn: ARN, as a token.
        containers: The containers as they were bound.
        resource: The L1.

    Raises:
        UsageError: What SageMaker would refuse.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        containers: Container | Sequence[Container] | None = None,
        inference_specification: _L1.InferenceSpecificationProperty | None = None,
        group: ModelPackageGroup | ImportedModelPackageGroup | None = None,
        model_package_name: str | None = None,
        description: str | None = None,
        approval_status: ApprovalStatus | None = None,
        approval_description: str | None = None,
        content_types: Sequence[str] | None = None,
        response_types: Sequence[str] | None = None,
        realtime_instance_types: Sequence[str] | None = None,
        transform_instance_types: Sequence[str] | None = None,
        metadata: Mapping[str, str] | None = None,
        domain: str | None = None,
        task: str | None = None,
        sample_payload_s3_uri: str | None = None,
        source_uri: str | None = None,
        encryption_key: kms.IKey | None = None,
        certify_for_marketplace: bool | None = None,
        skip_validation: bool | None = None,
        additional_inference_specifications: Sequence[_L1.AdditionalInferenceSpecificationDefinitionProperty] = (),
        additional_inference_specifications_to_add: Sequence[
            _L1.AdditionalInferenceSpecificationDefinitionProperty
        ] = (),
        model_metrics: _L1.ModelMetricsProperty | None = None,
        drift_check_baselines: _L1.DriftCheckBaselinesProperty | None = None,
        metadata_properties: _L1.MetadataPropertiesProperty | None = None,
        model_card: _L1.ModelCardProperty | None = None,
        validation_specification: _L1.ValidationSpecificationProperty | None = None,
        source_algorithms: Sequence[_L1.SourceAlgorithmProperty] = (),
        last_modified_time: str | None = None,
        model_package_version: int | None = None,
        client_token: str | None = None,
        status_details: _L1.ModelPackageStatusDetailsProperty | None = None,
    ) -> None:
        super().__init__(scope, id)
        check_name("model_package_name", model_package_name)
        if (group is None) == (model_package_name is None):
            raise UsageError(
                "a package is a version in a group, or has a name of its own.",
                remedy="Give group=, or model_package_name=.",
            )
        if sample_payload_s3_uri is not None:
            check_s3_uri("sample_payload_s3_uri", sample_payload_s3_uri)
        given = [containers] if isinstance(containers, Container) else list(containers or [])
        self.containers = [
            container.bind(self if len(given) == 1 else Construct(self, f"Container{number}"))
            for number, container in enumerate(given, 1)
        ]
        bundles = [container.bundle for container in given if isinstance(container, BundleContainer)]
        takes = content_types if content_types is not None else _types(bundles[:1], "input")
        gives = response_types if response_types is not None else _types(bundles[-1:], "output")
        facts = {f"cdk-modelbuilder:{name}": value for bundle in bundles[:1] for name, value in _facts(bundle).items()}
        if given and inference_specification is not None:
            raise UsageError("containers and inference_specification say the same.", remedy="Give one of them.")
        specification = inference_specification
        if given:
            specification = _L1.InferenceSpecificationProperty(
                containers=[_definition(*pair) for pair in zip(given, self.containers, strict=True)],
                supported_content_types=list(takes),
                supported_response_mime_types=list(gives),
                supported_realtime_inference_instance_types=_list(realtime_instance_types),
                supported_transform_instance_types=_list(transform_instance_types),
            )
        self.resource = sagemaker.CfnModelPackage(
            self,
            "Resource",
            inference_specification=specification,
            model_package_group_name=None if group is None else group.model_package_group_name,
            model_package_name=model_package_name,
            model_package_description=description,
            model_approval_status=None if approval_status is None else approval_status.value,
            approval_description=approval_description,
            customer_metadata_properties={**facts, **(metadata or {})} or None,
            domain=domain,
            task=task,
            sample_payload_url=sample_payload_s3_uri,
            source_uri=source_uri,
            security_config=None
            if encryption_key is None
            else _L1.SecurityConfigProperty(kms_key_id=encryption_key.key_arn),
            certify_for_marketplace=certify_for_marketplace,
            skip_model_validation=None if skip_validation is None else ("All" if skip_validation else "None"),
            additional_inference_specifications=list(additional_inference_specifications) or None,
            additional_inference_specifications_to_add=list(additional_inference_specifications_to_add) or None,
            model_metrics=model_metrics,
            drift_check_baselines=drift_check_baselines,
            metadata_properties=metadata_properties,
            model_card=model_card,
            validation_specification=validation_specification,
            source_algorithm_specification=_L1.SourceAlgorithmSpecificationProperty(
                source_algorithms=list(source_algorithms)
            )
            if source_algorithms
            else None,
            last_modified_time=last_modified_time,
            model_package_version=model_package_version,
            client_token=client_token,
            model_package_status_details=status_details,
        )
        if isinstance(group, ModelPackageGroup):
            self.resource.node.add_dependency(group.resource)

    @property
    def model_package_arn(self) -> str:
        """ARN, as a token: what ``Container(model_package_arn=...)`` takes."""
        return self.resource.ref

    @property
    def model_package_ref(self) -> refs.ModelPackageReference:
        """ARN, for what takes a package."""
        made: refs.ModelPackageReference = reference("ModelPackage", self.resource.ref)
        return made


def _definition(given: Container, container: BoundContainer) -> Any:
    if container.image_uri is None:
        raise UsageError(
            "a package is made of images and model data, not of other packages.", remedy="Give a container with image=."
        )
    data, definition = container.model_data, container.definition
    source = None
    if data is not None and data.source is not None:
        source = _L1.ModelDataSourceProperty(
            s3_data_source=_L1.S3ModelDataSourceProperty(
                compression_type=data.source.compression_type,
                s3_data_type=data.source.s3_data_type,
                s3_uri=data.source.s3_uri,
                model_access_config=_access(data.source),
            )
        )
    framework = given.bundle.info.get("framework", {}) if isinstance(given, BundleContainer) else {}
    return _L1.ModelPackageContainerDefinitionProperty(
        framework=framework["name"].upper() if framework.get("name") else None,
        framework_version=framework.get("version"),
        image=container.image_uri,
        container_hostname=definition.container_hostname,
        # What a package's environment holds is shown to everybody who may see the package: no reference to a secret.
        environment={
            name: value
            for name, value in container.environment.items()
            if name not in given.secrets and "{{resolve:" not in value
        }
        or None,
        model_data_url=None if data is None else data.url,
        model_data_source=source,
    )


def _access(source: sagemaker.CfnModel.S3DataSourceProperty) -> Any:
    accepted = getattr(source.model_access_config, "accept_eula", None)
    return None if accepted is None else _L1.ModelAccessConfigProperty(accept_eula=accepted)


def _list(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _types(bundles: Sequence[Any], direction: str) -> list[str]:
    if not bundles:
        return ["application/json"]
    return list(bundles[0].schema.get(direction, {}).get("content_types", ["application/json"]))


def _facts(bundle: Any) -> dict[str, str]:
    return {
        "bundle": bundle.name,
        "root-sha256": bundle.root_sha256,
        "manifest-sha256": bundle.manifest.sha256,
        "key-id": bundle.key_id,
    }


def _readable_by(name: str, readers: Sequence[iam.AccountPrincipal]) -> Any:
    if not readers:
        return None
    base = f"arn:{PARTITION}:sagemaker:{REGION}:{ACCOUNT}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Principal": {"AWS": [f"arn:{PARTITION}:iam::{reader.account_id}:root" for reader in readers]},
                "Action": list(_READ_ACTIONS),
                "Resource": [f"{base}:model-package-group/{name}", f"{base}:model-package/{name}/*"],
            }
        ],
    }
