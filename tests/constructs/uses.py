"""ModelEndpoint in each of its uses, plain and with everything on: what other tests synthesize, compare and deploy.

Each use is called with a stack and the bundles. `USES` is what other tests go through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import Duration, Size
from aws_cdk import aws_applicationautoscaling as aas
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns

from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.constructs import (
    AlarmThresholds,
    Artifact,
    AsyncInference,
    BlueGreen,
    Capacity,
    ClarifyExplainer,
    ComponentRollingUpdate,
    Container,
    ContainerImage,
    CoreDump,
    DataCapture,
    EndpointComponent,
    EndpointMetricsOptions,
    EndpointType,
    EndpointVariant,
    GoldenTest,
    Hosting,
    Integrity,
    ManagedInstanceScaling,
    ModelData,
    ModelEndpoint,
    Placement,
    ResourceRequirements,
    RetainedProperty,
    Rolling,
    Routing,
    ScaleIn,
    ScalingTarget,
    ScheduledCapacity,
    Scheduling,
    ShapBaseline,
    SigningSecret,
)

IMAGE = ContainerImage.from_uri("123456789012.dkr.ecr.eu-west-1.amazonaws.com/served:1")
EVERY_THRESHOLD = AlarmThresholds(
    latency_p99=Duration.millis(250),
    errors_5xx=2,
    errors_4xx=20,
    model_errors=3,
    no_capacity=2,
    oldest_request=Duration.minutes(30),
    disk=80,
    memory=85,
    gpu_memory=90,
    period=Duration.minutes(2),
    evaluation_periods=2,
)


@dataclass(frozen=True)
class Bundles:
    """What is served.

    Attributes:
        first: A bundle with a golden test and both signatures.
        second: The next version of the same model.
        public_key: File of the public key of both.
    """

    first: ModelBundle
    second: ModelBundle
    public_key: Path

    def updated(self) -> Bundles:
        """The same uses with the next version."""
        return replace(self, first=self.second)


Use = Callable[[cdk.Stack, Bundles], ModelEndpoint]


def secret(stack: cdk.Stack, name: str = "Key") -> secretsmanager.ISecret:
    found = stack.node.try_find_child(name)
    return found or secretsmanager.Secret.from_secret_name_v2(stack, name, "cdk-modelbuilder/tumour")


def of(stack: cdk.Stack, bundle: ModelBundle, **options) -> Container:
    """A bundle as one container of several."""
    return Container.from_bundle(bundle, signing_secret=secret(stack), **options)


def own(name: str) -> Container:
    """A container of one's own making."""
    return Container(image=IMAGE, model_data=ModelData.archive(f"s3://artifacts/{name}.tar.gz"))


def served(stack: cdk.Stack, **options) -> ModelEndpoint:
    """The smallest endpoint, with whatever else it is to have."""
    return ModelEndpoint(stack, "E", **{"pipeline": [own("m")], "instance_type": "ml.m5.large", **options})


def component(name: str, **options) -> EndpointComponent:
    """The smallest component, with whatever else it is to have."""
    resources = ResourceRequirements(requests={"memory": 512})
    return EndpointComponent(**{"name": name, "container": own(name), "resources": resources, **options})


def vpc(stack: cdk.Stack) -> ec2.IVpc:
    found = stack.node.try_find_child("Vpc")
    return found or ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=["eu-west-1a", "eu-west-1b"],
        private_subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        private_subnet_route_table_ids=["rtb-0123456789abcdef0", "rtb-0123456789abcdef1"],
    )


def topic(stack: cdk.Stack) -> sns.ITopic:
    found = stack.node.try_find_child("Alarms")
    return found or sns.Topic(stack, "Alarms", enforce_ssl=True, master_key=kms.Key(stack, "AlarmsKey"))


def real_time(stack: cdk.Stack, bundles: Bundles, name: str = "Endpoint") -> ModelEndpoint:
    return ModelEndpoint(stack, name, bundle=bundles.first, signing_secret=secret(stack), instance_type="ml.c6i.large")


def real_time_with_everything(stack: cdk.Stack, bundles: Bundles, name: str = "Endpoint") -> ModelEndpoint:
    """All that one bundle on instances can have at once."""
    endpoint = ModelEndpoint(
        stack,
        name,
        bundle=bundles.first,
        signing_secret=secret(stack),
        artifact=Artifact.asset(size_limit=Size.mebibytes(100)),
        environment={"LEVEL": "5", "AREA": "here"},
        secrets={"TOKEN": secret(stack).secret_value_from_json("token")},
        hosting=Hosting.real_time(
            instance_type="ml.m5.xlarge",
            initial_instance_count=4,
            volume_size=Size.gibibytes(30),
            startup_health_check_timeout=Duration.minutes(5),
            model_data_download_timeout=Duration.minutes(6),
            instance_provision_timeout=Duration.minutes(7),
            routing=Routing.least_outstanding_requests(),
            core_dump=CoreDump(destination_s3_uri="s3://dumps/tumour", encryption_key=kms.Key(stack, f"{name}Dumps")),
            ssm_access=False,
        ),
        endpoint_name=f"tumour-{name.lower()}",
        network_isolation=False,
        vpc=vpc(stack),
        allow_all_outbound=False,
        encryption_key=kms.Key(stack, f"{name}Volumes", enable_key_rotation=True),
        data_capture=DataCapture(
            destination_s3_uri="s3://captured/tumour",
            sampling_percentage=10,
            capture=["Input", "Output"],
            csv_content_types=["text/csv"],
            json_content_types=["application/json"],
            encryption_key=kms.Key(stack, f"{name}Captured"),
        ),
        explainer=ClarifyExplainer(baseline=ShapBaseline(s3_uri="s3://baseline/one.csv", mime_type="text/csv")),
        metrics=EndpointMetricsOptions(enhanced=True, publish_frequency=Duration.seconds(30)),
        deployment=BlueGreen.canary(
            Capacity.instances(1),
            bake_time=Duration.minutes(10),
            termination_wait=Duration.minutes(5),
            timeout=Duration.hours(2),
        ),
        retain_variant_properties=[RetainedProperty.DESIRED_INSTANCE_COUNT, RetainedProperty.DESIRED_WEIGHT],
        verify_on_deploy=GoldenTest(relative_tolerance=1e-4, absolute_tolerance=1e-5),
    )
    endpoint.autoscale(
        min_capacity=2,
        max_capacity=8,
        target=[ScalingTarget.invocations(per_minute=600), ScalingTarget.concurrency(requests=4)],
        schedule=[ScheduledCapacity(schedule=aas.Schedule.cron(hour="8", minute="0"), min_capacity=4)],
        scale_in_cooldown=Duration.minutes(10),
        scale_out_cooldown=Duration.minutes(1),
    )
    endpoint.monitor(thresholds=EVERY_THRESHOLD, notify=[topic(stack)])
    endpoint.grant_invoke(iam.Role(stack, f"{name}Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")))
    return endpoint


def serverless(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    endpoint = ModelEndpoint(
        stack,
        "Endpoint",
        bundle=bundles.first,
        signing_secret=secret(stack),
        hosting=Hosting.serverless(memory_size=Size.gibibytes(3), max_concurrency=20, provisioned_concurrency=2),
    )
    endpoint.autoscale(max_capacity=10, target=ScalingTarget.provisioned_concurrency_utilization(0.7))
    endpoint.monitor()
    return endpoint


def asynchronous(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    """Down to no instance, with topics, keys and the longest wait."""
    endpoint = ModelEndpoint(
        stack,
        "Endpoint",
        bundle=bundles.first,
        signing_secret=secret(stack),
        hosting=Hosting.asynchronous(
            instance_type="ml.g5.xlarge",
            asynchronous=AsyncInference(
                output_s3_uri="s3://answers/out",
                failure_s3_uri="s3://answers/failed",
                input_s3_uri="s3://requests/in/",
                success_topic=topic(stack),
                error_topic=topic(stack),
                answer_in_error=True,
                max_concurrent_invocations_per_instance=4,
            ),
        ),
    )
    endpoint.scale_to_zero(max_capacity=5, wake_to=2, target=ScalingTarget.backlog(requests_per_instance=5))
    endpoint.monitor(thresholds=EVERY_THRESHOLD, notify=[topic(stack)])
    return endpoint


def components(stack: cdk.Stack, bundles: Bundles, name: str = "Endpoint") -> ModelEndpoint:
    """Two components, down to none, one of them with adapters."""
    rolling = ComponentRollingUpdate(batch=Capacity.copies(1), bake_time=Duration.minutes(5))
    endpoint = ModelEndpoint(
        stack,
        name,
        hosting=Hosting.inference_components(
            instance_type="ml.g5.4xlarge",
            initial_instance_count=1,
            scaling=ManagedInstanceScaling(
                min_instance_count=0,
                max_instance_count=4,
                scale_in=ScaleIn.idle_release(cooldown=Duration.minutes(15), maximum_step_size=1),
            ),
        ),
        components=[
            EndpointComponent(
                name="tumour",
                container=of(stack, bundles.first),
                resources=ResourceRequirements(
                    requests={"num_cpus": 1, "memory": 1024, "copies": 1}, limits={"memory": 2048}
                ),
                rolling_update=rolling,
                startup_health_check_timeout=Duration.minutes(5),
            ),
            EndpointComponent(
                name="language",
                container=own("language"),
                resources=ResourceRequirements(requests={"num_accelerators": 1, "memory": 4096, "copies": 1}),
                adapters={"legal": "s3://adapters/legal.tar.gz", "medical": "s3://adapters/medical.tar.gz"},
                cache_data=True,
                scheduling=Scheduling(placement=Placement.SPREAD),
                rolling_update=rolling,
            ),
        ],
        deployment=Rolling(batch=Capacity.percent(50), bake_time=Duration.minutes(5)),
    )
    endpoint.scale_to_zero(max_capacity=3)
    endpoint.monitor(thresholds=EVERY_THRESHOLD, notify=[topic(stack)])
    endpoint.grant_invoke(iam.Role(stack, f"{name}Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")))
    return endpoint


def one_component(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    """The short form: a bundle, what it takes, and the kind of endpoint."""
    return ModelEndpoint(
        stack,
        "Endpoint",
        bundle=bundles.first,
        signing_secret=secret(stack),
        instance_type="ml.c6i.2xlarge",
        endpoint_type=EndpointType.INFERENCE_COMPONENT_BASED,
        resources=ResourceRequirements(requests={"num_cpus": 2, "memory": 2048, "copies": 2}),
    )


def variants(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    endpoint = ModelEndpoint(
        stack,
        "Endpoint",
        variants=[
            EndpointVariant(name="Live", containers=of(stack, bundles.first), weight=0.9),
            EndpointVariant(
                name="Tried",
                containers=of(stack, bundles.second),
                weight=0.1,
                hosting=Hosting.real_time(instance_type="ml.g5.xlarge"),
            ),
        ],
        instance_type="ml.c6i.large",
        initial_instance_count=2,
        vpc=vpc(stack),
        verify_on_deploy=True,
    )
    endpoint.autoscale(of="Live", max_capacity=6, target=ScalingTarget.invocations(per_minute=100))
    endpoint.monitor()
    return endpoint


def shadow(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    return ModelEndpoint(
        stack,
        "Endpoint",
        variants=[EndpointVariant(name="Live", containers=of(stack, bundles.first))],
        shadow=EndpointVariant(name="Shadow", containers=of(stack, bundles.second), weight=0.5),
        instance_type="ml.c6i.large",
    )


def pipeline(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    return ModelEndpoint(
        stack,
        "Endpoint",
        pipeline=[own("scaler"), of(stack, bundles.first), of(stack, bundles.second)],
        instance_type="ml.c6i.large",
    )


def multi_model(stack: cdk.Stack, _: Bundles) -> ModelEndpoint:
    container = Container(image=IMAGE, model_data=ModelData.many_archives("s3://artifacts/models/"), multi_model=True)
    return ModelEndpoint(stack, "Endpoint", pipeline=[container], instance_type="ml.c6i.large")


def vpc_and_public_key(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    """No secret anywhere, and no way out but to a database."""
    network = vpc(stack)
    endpoint = ModelEndpoint(
        stack,
        "Endpoint",
        bundle=bundles.first,
        integrity=Integrity.public_key(bundles.public_key),
        instance_type="ml.c6i.large",
        vpc=network,
        allow_all_outbound=False,
    )
    database = ec2.SecurityGroup(stack, "Database", vpc=network, allow_all_outbound=False)
    endpoint.connections.allow_to(database, ec2.Port.tcp(5432), "features")
    return endpoint


def secret_reference(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    key = SigningSecret(stack, "Signing", model_name="tumour")
    integrity = Integrity.secret_reference(key.secret)
    return ModelEndpoint(stack, "Endpoint", bundle=bundles.first, integrity=integrity, instance_type="ml.c6i.large")


def published(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    """Published files in a bucket of the same stack, as a folder."""
    bucket = s3.Bucket(stack, "Artifacts", enforce_ssl=True)
    return ModelEndpoint(
        stack,
        "Endpoint",
        bundle=bundles.first,
        signing_secret=secret(stack),
        artifact=Artifact.published(bucket, prefix="models", form="folder"),
        instance_type="ml.c6i.large",
    )


def several_scaling_targets(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    endpoint = ModelEndpoint(
        stack, "Endpoint", bundle=bundles.first, signing_secret=secret(stack), instance_type="ml.g5.12xlarge"
    )
    waiting, late = (
        cloudwatch.Metric(namespace="Queue", metric_name=name, dimensions_map={"Queue": "in"}, statistic="Maximum")
        for name in ("Waiting", "Late")
    )
    endpoint.autoscale(
        min_capacity=1,
        max_capacity=20,
        target=[
            ScalingTarget.invocations(per_minute=60),
            ScalingTarget.concurrency(requests=3),
            ScalingTarget.gpu_utilization(percent=70),
            ScalingTarget.of(waiting, 10),
            ScalingTarget.of(late, 1),
        ],
        schedule=[
            ScheduledCapacity(
                schedule=aas.Schedule.cron(hour="7", minute="30", week_day="MON-FRI"),
                min_capacity=4,
                name="morning",
                time_zone=cdk.TimeZone.EUROPE_BERLIN,
            ),
            ScheduledCapacity(schedule=aas.Schedule.cron(hour="20", minute="0"), min_capacity=1, max_capacity=5),
        ],
        disable_scale_in=True,
    )
    return endpoint


def every_threshold(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    endpoint = ModelEndpoint(
        stack, "Endpoint", bundle=bundles.first, signing_secret=secret(stack), instance_type="ml.g5.12xlarge"
    )
    endpoint.monitor(thresholds=EVERY_THRESHOLD, notify=[topic(stack)])
    return endpoint


def verified(stack: cdk.Stack, bundles: Bundles) -> ModelEndpoint:
    return ModelEndpoint(
        stack,
        "Endpoint",
        bundle=bundles.first,
        signing_secret=secret(stack),
        instance_type="ml.c6i.large",
        verify_on_deploy=True,
    )


USES: list[Use] = [
    real_time,
    real_time_with_everything,
    serverless,
    asynchronous,
    components,
    one_component,
    variants,
    shadow,
    pipeline,
    multi_model,
    vpc_and_public_key,
    secret_reference,
    published,
    several_scaling_targets,
    every_threshold,
    verified,
]
"""Each is called with a stack of its own."""
