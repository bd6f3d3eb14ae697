"""Stacks with everything on: between them, our constructs write every property of SageMaker hosting.

A function for each kind of service, as no one endpoint can have it all. `STACKS` is what other tests go through.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import Duration, Size
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns

from cdk_modelbuilder.constructs import (
    ApprovalStatus,
    AsyncInference,
    BlueGreen,
    Capacity,
    CapacityReservation,
    ClarifyExplainer,
    ComponentContainer,
    ComponentRollingUpdate,
    ComponentSpecification,
    Container,
    ContainerImage,
    CoreDump,
    DataCapture,
    Endpoint,
    EndpointConfig,
    EndpointMetricsOptions,
    InferenceComponent,
    InferenceExecution,
    InstancePool,
    InstanceVariant,
    ManagedInstanceScaling,
    Model,
    ModelData,
    ModelPackage,
    ModelPackageGroup,
    Placement,
    PrivateRegistry,
    ResourceRequirements,
    RetainedProperty,
    Rolling,
    Routing,
    ScaleIn,
    Scheduling,
    ServerlessVariant,
    ShapBaseline,
    TextFeatures,
)

IMAGE = ContainerImage.from_uri("123456789012.dkr.ecr.eu-west-1.amazonaws.com/served:1")
ARCHIVE = "s3://artifacts/model.tar.gz"
FOLDER = "s3://artifacts/model/"
ACCOUNT = "123456789012"
RESERVATION = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:training-plan/plan"
HUB = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:hub-content/hub/Model/x/1"
PACKAGE = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/group/1"


def key(stack: cdk.Stack, name: str = "StorageKey") -> kms.IKey:
    arn = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    return kms.Key.from_key_arn(stack, name, arn)


def vpc(stack: cdk.Stack) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=["eu-west-1a", "eu-west-1b"],
        private_subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        private_subnet_route_table_ids=["rtb-0123456789abcdef0", "rtb-0123456789abcdef1"],
    )


def alarm(stack: cdk.Stack) -> cloudwatch.IAlarm:
    return cloudwatch.Alarm.from_alarm_arn(stack, "Alarm", f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:slow")


def plain_model(stack: cdk.Stack, name: str = "Model", **options) -> Model:
    return Model(stack, name, **options, containers=Container(image=IMAGE, model_data=ModelData.archive(ARCHIVE)))


def model_in_a_vpc(stack: cdk.Stack) -> None:
    """One container with all that one can have, multi-model, from a private registry, in a VPC."""
    provider = lambda_.Function.from_function_arn(
        stack, "Provider", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:provider"
    )
    Model(
        stack,
        "Model",
        model_name="served",
        network_isolation=True,
        vpc=vpc(stack),
        containers=Container(
            image=IMAGE,
            model_data=ModelData.many_archives(FOLDER),
            environment={"LEVEL": "5"},
            hostname="first",
            multi_model=True,
            model_cache=False,
            private_registry=PrivateRegistry(credentials_provider=provider),
        ),
    )
    Model(
        stack,
        "Gated",
        containers=Container(image=IMAGE, model_data=ModelData.folder(FOLDER, accept_eula=True, hub_content_arn=HUB)),
    )
    Model(
        stack,
        "Package",
        containers=Container(model_package_arn=PACKAGE, inference_specification="more"),
    )


def pipeline_model(stack: cdk.Stack) -> None:
    """Two containers called directly, each with its own kind of data."""
    provider = lambda_.Function.from_function_arn(
        stack, "Provider", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:provider"
    )
    Model(
        stack,
        "Model",
        execution=InferenceExecution.DIRECT,
        vpc=vpc(stack),
        containers=[
            Container(
                image=IMAGE,
                model_data=ModelData.folder(FOLDER, accept_eula=True, hub_content_arn=HUB),
                environment={"LEVEL": "5"},
                hostname="first",
                private_registry=PrivateRegistry(credentials_provider=provider),
            ),
            Container(
                image=IMAGE,
                model_data=ModelData.many_archives(FOLDER),
                hostname="second",
                multi_model=True,
                model_cache=True,
            ),
            Container(model_package_arn=PACKAGE, inference_specification="more", hostname="third"),
        ],
    )


def instances(stack: cdk.Stack) -> None:
    """Instances of a model beside its shadow, captured, explained and measured; moved behind alarms."""

    dumps = key(stack)

    def variant(name: str) -> InstanceVariant:
        return InstanceVariant(
            model=plain_model(stack, f"Model{name}"),
            name=name,
            instance_type="ml.m5.large",
            initial_instance_count=2,
            weight=1,
            volume_size=Size.gibibytes(30),
            startup_health_check_timeout=Duration.minutes(10),
            model_data_download_timeout=Duration.minutes(10),
            instance_provision_timeout=Duration.minutes(10),
            routing=Routing.prefix_aware(prefix_length=1024, concurrency_threshold=4),
            inference_ami_version="al2-ami-sagemaker-inference-gpu-2",
            capacity_reservation=CapacityReservation(ml_reservation_arn=RESERVATION),
            core_dump=CoreDump(destination_s3_uri="s3://dumps/here", encryption_key=dumps),
            ssm_access=True,
        )

    config = EndpointConfig(
        stack,
        "Config",
        variants=variant("live"),
        shadow_variants=[variant("shadow")],
        endpoint_config_name="config",
        encryption_key=key(stack, "OwnKey"),
        data_capture=DataCapture(
            destination_s3_uri="s3://captured/here",
            sampling_percentage=10,
            csv_content_types=["text/csv"],
            json_content_types=["application/json"],
            encryption_key=key(stack, "CaptureKey"),
        ),
        explainer=ClarifyExplainer(
            baseline=ShapBaseline(s3_uri="s3://baseline/here", mime_type="text/csv"),
            enable_explanations="`true`",
            number_of_samples=100,
            seed=1,
            use_logit=True,
            text=TextFeatures(language="en", granularity="sentence"),
            feature_headers=["a"],
            feature_types=["numerical"],
            features_attribute="features",
            content_template="$record",
            label_attribute="label",
            label_headers=["yes"],
            label_index=0,
            probability_attribute="p",
            probability_index=1,
            max_record_count=10,
            max_payload=Size.mebibytes(1),
        ),
        metrics=EndpointMetricsOptions(
            enhanced=True, detailed_observability=True, publish_frequency=Duration.seconds(60)
        ),
    )
    Endpoint(
        stack,
        "Endpoint",
        endpoint_config=config,
        endpoint_name="endpoint",
        deployment=BlueGreen.all_at_once(
            bake_time=Duration.minutes(5),
            termination_wait=Duration.minutes(5),
            timeout=Duration.hours(1),
        ),
        rollback_alarms=[alarm(stack)],
        retain_variant_properties=[RetainedProperty.DESIRED_INSTANCE_COUNT],
        retain_deployment_config=True,
    )


def pools(stack: cdk.Stack) -> None:
    """Several instance types behind one variant, asked asynchronously; traffic moves linearly."""
    model, other = plain_model(stack), plain_model(stack, "Other")
    topic = sns.Topic.from_topic_arn(stack, "Topic", f"arn:aws:sns:eu-west-1:{ACCOUNT}:told")
    config = EndpointConfig(
        stack,
        "Config",
        variants=InstanceVariant(
            model=model,
            instance_pools=[
                InstancePool(instance_type="ml.g5.xlarge", priority=1, model=other),
                InstancePool(instance_type="ml.g6.xlarge", priority=2),
            ],
        ),
        asynchronous=AsyncInference(
            output_s3_uri="s3://answers/here",
            failure_s3_uri="s3://answers/failed",
            encryption_key=key(stack),
            success_topic=topic,
            error_topic=topic,
            answer_in_success=True,
            answer_in_error=True,
            max_concurrent_invocations_per_instance=4,
        ),
    )
    Endpoint(
        stack,
        "Endpoint",
        endpoint_config=config,
        deployment=BlueGreen.linear(Capacity.percent(25), bake_time=Duration.minutes(5)),
    )


def shadow_pools(stack: cdk.Stack) -> None:
    """The same for both variants, the live one and its shadow."""
    model, other = plain_model(stack), plain_model(stack, "Other")
    pool = [InstancePool(instance_type="ml.g5.xlarge", priority=1, model=other)]
    EndpointConfig(
        stack,
        "Config",
        variants=InstanceVariant(model=model, name="live", instance_pools=pool),
        shadow_variants=[InstanceVariant(model=model, name="shadow", instance_pools=pool)],
    )


def serverless(stack: cdk.Stack) -> None:
    """No instances of one's own."""
    variant = ServerlessVariant(
        model=plain_model(stack, network_isolation=False),
        memory_size=Size.mebibytes(2048),
        max_concurrency=5,
        provisioned_concurrency=2,
    )
    EndpointConfig(stack, "Config", variants=variant)


def canary(stack: cdk.Stack) -> None:
    """A canary, and an explainer's baseline that stands in the template."""
    config = EndpointConfig(
        stack,
        "Config",
        variants=InstanceVariant(model=plain_model(stack), instance_type="ml.g5.xlarge"),
        explainer=ClarifyExplainer(baseline=ShapBaseline(record="1,2", mime_type="text/csv")),
    )
    Endpoint(
        stack,
        "Endpoint",
        endpoint_config=config,
        deployment=BlueGreen.canary(Capacity.percent(10), bake_time=Duration.minutes(5)),
    )


def components(stack: cdk.Stack) -> None:
    """Components on shared instances in a VPC: of a model, of a container, of one for each type, and an adapter."""
    network = vpc(stack)
    config = EndpointConfig(
        stack,
        "Config",
        components=True,
        vpc=network,
        network_isolation=True,
        variants=InstanceVariant(
            instance_type="ml.g5.12xlarge",
            managed_scaling=ManagedInstanceScaling(
                min_instance_count=0,
                max_instance_count=4,
                scale_in=ScaleIn.consolidation(cooldown=Duration.minutes(10), maximum_step_size=2),
            ),
        ),
    )
    endpoint = Endpoint(
        stack,
        "Endpoint",
        endpoint_config=config,
        deployment=Rolling(
            batch=Capacity.percent(20),
            bake_time=Duration.minutes(5),
            rollback_batch=Capacity.percent(100),
            timeout=Duration.hours(1),
        ),
    )
    resources = ResourceRequirements(
        requests={"num_accelerators": 1, "num_cpus": 2, "memory": 4096}, limits={"memory": 8192}
    )
    container = ComponentContainer(
        image="image:1",
        artifact_s3_uri=ARCHIVE,
        environment={"LEVEL": "5"},
        metrics_path="/metrics",
        metrics_frequency=Duration.seconds(60),
    )
    whole = {
        "resources": resources,
        "cache_data": True,
        "scheduling": Scheduling(placement=Placement.SPREAD, max_zone_imbalance=1),
        "startup_health_check_timeout": Duration.minutes(10),
        "model_data_download_timeout": Duration.minutes(10),
    }
    base = InferenceComponent(
        stack,
        "Base",
        endpoint=endpoint,
        specification=ComponentSpecification(container=container, **whole),
        inference_component_name="base",
        copies=2,
        rolling_update=ComponentRollingUpdate(
            batch=Capacity.percent(50),
            bake_time=Duration.minutes(5),
            rollback_batch=Capacity.percent(100),
            timeout=Duration.hours(1),
        ),
        rollback_alarms=[alarm(stack)],
    )
    InferenceComponent(
        stack,
        "Adapter",
        endpoint=endpoint,
        base=base,
        specification=ComponentSpecification(container=ComponentContainer(artifact_s3_uri=ARCHIVE)),
    )
    InferenceComponent(
        stack,
        "OfAModel",
        endpoint=endpoint,
        copies=1,
        specification=ComponentSpecification(model=plain_model(stack), resources=resources),
    )
    InferenceComponent(
        stack,
        "OfTypes",
        endpoint=endpoint,
        copies=1,
        specification=[
            ComponentSpecification(instance_type="ml.g5.12xlarge", container=container, **whole),
            ComponentSpecification(
                instance_type="ml.g6.12xlarge", model=plain_model(stack, "Second"), resources=resources
            ),
        ],
    )


def registry(stack: cdk.Stack) -> None:
    """A group that another account may read, and a package with all that can be said about a model."""
    l1 = sagemaker.CfnModelPackage
    group = ModelPackageGroup(
        stack,
        "Group",
        model_package_group_name="group",
        description="models of one kind",
        readers=[iam.AccountPrincipal("210987654321")],
    )
    container = l1.ModelPackageContainerDefinitionProperty(image="image:1")
    more = l1.AdditionalInferenceSpecificationDefinitionProperty(name="more", containers=[container])
    source = l1.MetricsSourceProperty(content_type="application/json", s3_uri="s3://metrics/here")
    output = l1.TransformOutputProperty(s3_output_path="s3://out/here")
    data = l1.DataSourceProperty(s3_data_source=l1.S3DataSourceProperty(s3_data_type="S3Prefix", s3_uri="s3://in/"))
    job = l1.TransformJobDefinitionProperty(
        transform_input=l1.TransformInputProperty(data_source=data),
        transform_output=output,
        transform_resources=l1.TransformResourcesProperty(instance_count=1, instance_type="ml.m5.large"),
    )
    profile = l1.ValidationProfileProperty(profile_name="profile", transform_job_definition=job)
    common = {
        "description": "a model",
        "approval_status": ApprovalStatus.APPROVED,
        "approval_description": "reviewed",
        "content_types": ["text/csv"],
        "response_types": ["text/csv"],
        "realtime_instance_types": ["ml.m5.large"],
        "transform_instance_types": ["ml.m5.large"],
        "metadata": {"owner": "team"},
        "domain": "MACHINE_LEARNING",
        "task": "CLASSIFICATION",
        "sample_payload_s3_uri": "s3://samples/one.tar.gz",
        "encryption_key": key(stack),
        "skip_validation": True,
    }
    ModelPackage(
        stack,
        "Package",
        group=group,
        containers=Container(
            image=IMAGE,
            model_data=ModelData.folder(FOLDER, accept_eula=True),
            environment={"LEVEL": "5"},
            hostname="first",
        ),
        additional_inference_specifications=[more],
        additional_inference_specifications_to_add=[more],
        model_metrics=l1.ModelMetricsProperty(model_quality=l1.ModelQualityProperty(statistics=source)),
        drift_check_baselines=l1.DriftCheckBaselinesProperty(
            model_quality=l1.DriftCheckModelQualityProperty(statistics=source)
        ),
        metadata_properties=l1.MetadataPropertiesProperty(commit_id="abc"),
        model_card=l1.ModelCardProperty(model_card_content="{}", model_card_status="Draft"),
        validation_specification=l1.ValidationSpecificationProperty(
            validation_profiles=[profile], validation_role="arn:aws:iam::123456789012:role/r"
        ),
        source_uri="s3://source/here",
        last_modified_time="2026-01-01T00:00:00Z",
        model_package_version=1,
        client_token="token",
        status_details=l1.ModelPackageStatusDetailsProperty(
            validation_statuses=[l1.ModelPackageStatusItemProperty(name="x", status="Completed")]
        ),
        **common,
    )
    ModelPackage(
        stack,
        "Alone",
        model_package_name="alone",
        containers=Container(image=IMAGE, model_data=ModelData.archive_url(ARCHIVE)),
        certify_for_marketplace=True,
        source_algorithms=[l1.SourceAlgorithmProperty(algorithm_name="algorithm")],
    )


STACKS = [
    model_in_a_vpc,
    pipeline_model,
    instances,
    pools,
    shadow_pools,
    serverless,
    canary,
    components,
    registry,
]
"""Each is called with a stack of its own, of a known account and region."""
