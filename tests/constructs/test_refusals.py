"""What SageMaker would refuse, or silently not do, is refused at synth, with the way out."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import Duration, Size
from aws_cdk import aws_applicationautoscaling as aas
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager

from cdk_modelbuilder.constructs import (
    AlarmThresholds,
    Artifact,
    AsyncInference,
    BlueGreen,
    Capacity,
    ComponentContainer,
    ComponentRollingUpdate,
    ComponentSpecification,
    Container,
    ContainerImage,
    CoreDump,
    DataCapture,
    Endpoint,
    EndpointComponent,
    EndpointConfig,
    EndpointMetricsOptions,
    EndpointType,
    EndpointVariant,
    Hosting,
    InferenceComponent,
    InferenceExecution,
    InstancePool,
    InstanceType,
    InstanceVariant,
    ManagedInstanceScaling,
    Model,
    ModelData,
    ModelEndpoint,
    ModelPackage,
    ModelPackageGroup,
    PrivateRegistry,
    ResourceRequirements,
    Rolling,
    ScaleIn,
    ScalingTarget,
    ScheduledCapacity,
    ServerlessVariant,
    ShapBaseline,
)
from cdk_modelbuilder.errors import BundleError, UsageError

IMAGE = ContainerImage.from_uri("123456789012.dkr.ecr.eu-west-1.amazonaws.com/served:1")
PLAIN = Container(image=IMAGE, model_data=ModelData.archive("s3://artifacts/model.tar.gz"))
GPU = "ml.g5.xlarge"
INF1 = "ml.inf1.xlarge"
FIVE_MINUTES = Duration.minutes(5)


@pytest.fixture
def stack(tmp_path):
    app = cdk.App(outdir=str(tmp_path / "out"), builtin_cloud_formation_validation=False)
    return cdk.Stack(app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))


@pytest.fixture
def model(stack):
    return Model(stack, "Model", containers=PLAIN)


def variant(model, **options):
    return InstanceVariant(**{"model": model, "instance_type": "ml.m5.large", **options})


def shared(stack, **options):
    config = EndpointConfig(
        stack,
        "Shared",
        components=True,
        variants=InstanceVariant(**{"instance_type": GPU, **options}),
    )
    return Endpoint(stack, "SharedEndpoint", endpoint_config=config)


VALUES = {
    "no image": (Container, "either an image or a model package"),
    "image and package": (
        lambda: Container(image=IMAGE, model_package_arn="arn:aws:sagemaker:x:1:model-package/p/1"),
        "either an image or a model package",
    ),
    "package and data": (
        lambda: Container(model_package_arn="a", model_data=ModelData.archive("s3://b/m.tar.gz")),
        "from the package",
    ),
    "secret as text": (lambda: Container(image=IMAGE, secrets={"TOKEN": "abc"}), "the secret TOKEN is a str"),
    "variable twice": (
        lambda: Container(image=IMAGE, environment={"A": "1"}, secrets={"A": cdk.SecretValue.secrets_manager("s")}),
        "A stands in environment and in secrets",
    ),
    "number as variable": (lambda: Container(image=IMAGE, environment={"A": 1}), "both must be text"),
    "odd variable": (lambda: Container(image=IMAGE, environment={"1-A": "x"}), "no name for an environment variable"),
    "long variable": (
        lambda: Container(image=IMAGE, environment={"A": "x" * 1025}),
        "1025 bytes",
    ),
    "multi-model without prefix": (lambda: Container(image=IMAGE, multi_model=True), "the prefix of its archives"),
    "cache without multi-model": (lambda: Container(image=IMAGE, model_cache=True), "multi_model=True"),
    "no image name": (lambda: ContainerImage.from_uri(" "), "names no image"),
    "not in S3": (lambda: ModelData.archive("https://b/m.tar.gz"), "no S3 URI"),
    "prefix as archive": (lambda: ModelData.archive("s3://b/m/"), r"ModelData\.folder"),
    "archive as prefix": (lambda: ModelData.folder("s3://b/m"), "no slash at its end"),
    "another ending": (lambda: ModelData.archive_url("s3://b/m.zip"), r"does not end in \.tar\.gz"),
    "no digest": (lambda: Artifact.s3("s3://b/m.tar.gz", "abc"), "64 hexadecimal digits"),
    "form": (lambda: Artifact.published("b", form="zip"), "archive or folder"),
    "unknown type": (lambda: InstanceVariant(instance_type="ml.m5.lrge"), r"ml\.m5\.large.*InstanceType\.of"),
    "no ml": (lambda: InstanceType.of("m5.large"), r"begin with 'ml\.'"),
    "type and pools": (
        lambda: InstanceVariant(instance_type=GPU, instance_pools=[InstancePool(instance_type=GPU, priority=1)]),
        "both an instance_type and instance_pools",
    ),
    "neither type nor pools": (InstanceVariant, "neither an instance_type nor instance_pools"),
    "two pools of one priority": (
        lambda: InstanceVariant(instance_pools=[InstancePool(instance_type=GPU, priority=1)] * 2),
        "two with one priority",
    ),
    "priority": (lambda: InstancePool(instance_type=GPU, priority=6), "between 1 and 5"),
    "no instance": (lambda: InstanceVariant(instance_type=GPU, initial_instance_count=0), "at least 1"),
    "half an instance": (lambda: InstanceVariant(instance_type=GPU, initial_instance_count=1.5), "not a whole number"),
    "weight": (lambda: InstanceVariant(instance_type=GPU, weight=-1), "at least 0"),
    "volume on NVMe": (lambda: InstanceVariant(instance_type=GPU, volume_size=Size.gibibytes(9)), "local disks"),
    "volume in numbers": (
        lambda: InstanceVariant(instance_type="ml.m5.large", volume_size=9).render(),
        r"Size\.gibibytes",
    ),
    "AMI": (lambda: InstanceVariant(instance_type=GPU, inference_ami_version="al1"), "al2023-ami-sagemaker"),
    "timeout in numbers": (
        lambda: InstanceVariant(instance_type=GPU, startup_health_check_timeout=100).render(),
        r"Duration\.seconds\(100\)",
    ),
    "short timeout": (
        lambda: InstanceVariant(instance_type=GPU, model_data_download_timeout=Duration.seconds(9)).render(),
        "between 60 and 3600 s",
    ),
    "scaling": (lambda: ManagedInstanceScaling(min_instance_count=3, max_instance_count=2), "below min_instance_count"),
    "cooldown": (lambda: ScaleIn.idle_release(cooldown=Duration.minutes(1)).render(), "between 5 and 1440 min"),
    "core dump": (lambda: CoreDump(destination_s3_uri="/tmp"), "no S3 URI"),
    "serverless memory": (lambda: Hosting.serverless(memory_size=Size.mebibytes(1500)), "1, 2, 3, 4, 5 or 6 GiB"),
    "serverless concurrency": (lambda: Hosting.serverless(max_concurrency=201), "between 1 and 200"),
    "async bucket": (lambda: AsyncInference(output_s3_uri="out"), "no S3 URI"),
    "async concurrency": (
        lambda: AsyncInference(output_s3_uri="s3://b/o", max_concurrent_invocations_per_instance=1001),
        "between 1 and 1000",
    ),
    "async hosting": (lambda: Hosting.asynchronous(instance_type=GPU, asynchronous="s3://b"), r"AsyncInference\("),
    "sampling": (
        lambda: DataCapture(destination_s3_uri="s3://b", sampling_percentage=101),
        "between 0 and 100",
    ),
    "capture mode": (lambda: DataCapture(destination_s3_uri="s3://b", capture=["Both"]), "InputAndOutput"),
    "capture as text": (lambda: DataCapture(destination_s3_uri="s3://b", capture="Input"), "Give a list"),
    "baseline": (ShapBaseline, "record or an s3_uri"),
    "metrics frequency": (
        lambda: EndpointMetricsOptions(publish_frequency=Duration.seconds(7)).render(),
        "10, 30, 60",
    ),
    "large canary": (lambda: BlueGreen.canary(Capacity.percent(60), bake_time=FIVE_MINUTES), "between 1 and 50 %"),
    "small step": (lambda: BlueGreen.linear(Capacity.percent(5), bake_time=FIVE_MINUTES), "between 10 and 50 %"),
    "copies of an endpoint": (lambda: BlueGreen.canary(Capacity.copies(1), bake_time=FIVE_MINUTES), "instances"),
    "batch": (lambda: Rolling(batch=Capacity.percent(60), bake_time=FIVE_MINUTES), "between 5 and 50 %"),
    "instances of a component": (
        lambda: ComponentRollingUpdate(batch=Capacity.instances(1), bake_time=FIVE_MINUTES),
        r"Capacity\.copies",
    ),
    "waits longer than it may": (
        lambda: BlueGreen.all_at_once(
            bake_time=FIVE_MINUTES, termination_wait=FIVE_MINUTES, timeout=Duration.minutes(10)
        ).render(),
        "waiting alone takes 600 s",
    ),
    "long bake": (
        lambda: BlueGreen.all_at_once(bake_time=Duration.hours(2)).render(),
        "between 0 and 3600 s",
    ),
    "unknown request": (lambda: ResourceRequirements(requests={"gpus": 1}), "num_accelerators, num_cpus"),
    "negative": (lambda: ResourceRequirements(requests={"memory": -1}), "128 or more"),
    "part of an accelerator": (lambda: ResourceRequirements(requests={"num_accelerators": 0.5}), "whole number"),
    "no number": (lambda: ResourceRequirements(requests={"memory": "1024"}), "which is no number"),
    "limit below request": (
        lambda: ResourceRequirements(requests={"memory": 1024}, limits={"memory": 512}),
        "below requests",
    ),
    "unknown limit": (lambda: ResourceRequirements(limits={"num_cpus": 1}), "Its keys are memory"),
    "no dict": (lambda: ResourceRequirements(requests=[1]), "Give a dict"),
    "metrics path": (lambda: ComponentContainer(metrics_frequency=FIVE_MINUTES), "metrics_path"),
    "scaling twice": (
        lambda: Hosting.inference_components(
            instance_type=GPU,
            min_instance_count=1,
            scaling=ManagedInstanceScaling(min_instance_count=0, max_instance_count=2),
        ),
        "one or the other",
    ),
    "schedule without limits": (lambda: ScheduledCapacity(schedule=aas.Schedule.rate(FIVE_MINUTES)), "changes nothing"),
    "no invocations": (lambda: ScalingTarget.invocations(0), "above 0"),
    "GPU use": (lambda: ScalingTarget.gpu_utilization(101), "between 1 and 100"),
    "alarm percent": (lambda: AlarmThresholds(errors_5xx=101), "between 0 and 100 %"),
    "alarm period": (lambda: AlarmThresholds(period=Duration.seconds(30)), "whole minutes"),
    "variant name": (lambda: EndpointVariant(name="a b", containers=PLAIN), "cannot be a name"),
    "adapter": (
        lambda: EndpointComponent(name="c", container=PLAIN, resources=ResourceRequirements(), adapters={"a": "lora"}),
        "the adapter a 'lora' is no S3 URI",
    ),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_value_that_cannot_be(case):
    make, message = VALUES[case]
    with pytest.raises(UsageError, match=message):
        make()


MODELS = {
    "none": ({"containers": []}, "0 containers"),
    "sixteen": ({"containers": [PLAIN] * 16}, "16 containers"),
    "name": ({"containers": PLAIN, "model_name": "a_b"}, "cannot be a name"),
    "long name": ({"containers": PLAIN, "model_name": "a" * 64}, "up to 63"),
    "direct without names": (
        {"containers": [PLAIN, PLAIN], "execution": InferenceExecution.DIRECT},
        "hostname of its own",
    ),
    "multi-model in a pipeline": (
        {
            "containers": [
                PLAIN,
                Container(image=IMAGE, multi_model=True, model_data=ModelData.many_archives("s3://b/m/")),
            ]
        },
        "cannot be part of a serial pipeline",
    ),
    "large environment": (
        {"containers": [Container(image=IMAGE, environment={f"V{i}": "x" * 1000 for i in range(20)})] * 2},
        "bytes together; SageMaker takes 32768",
    ),
    "many variables": (
        {"containers": Container(image=IMAGE, environment={f"V{i}": "x" for i in range(101)})},
        "101 environment variables",
    ),
    "registry without VPC": (
        {"containers": Container(image=IMAGE, private_registry=PrivateRegistry())},
        "reached through your VPC",
    ),
    "subnets without VPC": ({"containers": PLAIN, "vpc_subnets": ec2.SubnetSelection()}, "need a VPC"),
}


@pytest.mark.parametrize("case", MODELS)
def test_a_model_that_cannot_be(case, stack):
    options, message = MODELS[case]
    with pytest.raises(UsageError, match=message):
        Model(stack, "M", **options)


def capture():
    return DataCapture(destination_s3_uri="s3://kept")


def queue():
    return AsyncInference(output_s3_uri="s3://answers/out")


CONFIGS = {
    "none": (lambda m: {"variants": []}, "0 variants"),
    "eleven": (lambda m: {"variants": [variant(m, name=f"V{i}") for i in range(11)]}, "11 variants"),
    "one name": (lambda m: {"variants": [variant(m), variant(m)]}, "two variants are called AllTraffic"),
    "no weight": (lambda m: {"variants": variant(m, weight=0)}, "all weights are 0"),
    "two shadows": (
        lambda m: {"variants": variant(m), "shadow_variants": [variant(m, name="A"), variant(m, name="B")]},
        "exactly one production and one shadow",
    ),
    "shadow of two": (
        lambda m: {"variants": [variant(m), variant(m, name="A")], "shadow_variants": [variant(m, name="B")]},
        "exactly one production and one shadow",
    ),
    "no model": (lambda m: {"variants": variant(None)}, "has no model.*components=True"),
    "model for components": (lambda m: {"variants": variant(m), "components": True}, "for inference components"),
    "shadow for components": (
        lambda m: {"variants": variant(None), "components": True, "shadow_variants": [variant(None, name="B")]},
        "no shadow variants",
    ),
    "managed scaling without components": (
        lambda m: {
            "variants": variant(m, managed_scaling=ManagedInstanceScaling(min_instance_count=1, max_instance_count=2))
        },
        "which is for inference components",
    ),
    "isolation without components": (lambda m: {"variants": variant(m), "network_isolation": True}, "to the Model"),
    "capture of serverless": (
        lambda m: {"variants": serverless(m), "data_capture": capture()},
        "has no data_capture",
    ),
    "asynchronous serverless": (
        lambda m: {"variants": serverless(m), "asynchronous": queue()},
        "has no asynchronous",
    ),
    "serverless beside another": (lambda m: {"variants": [serverless(m), variant(m, name="B")]}, "others beside it"),
    "asynchronous and two": (
        lambda m: {"variants": [variant(m), variant(m, name="B")], "asynchronous": queue()},
        "one variant with a model",
    ),
    "model as text": (lambda m: {"variants": variant("the-model")}, r"Model\.from_model_name"),
}


def serverless(model, **options):
    return ServerlessVariant(model=model, memory_size=Size.gibibytes(2), max_concurrency=5, **options)


@pytest.mark.parametrize("case", CONFIGS)
def test_a_configuration_that_cannot_be(case, stack):
    options, message = CONFIGS[case]
    isolated = Model(stack, "Model", containers=PLAIN, network_isolation=False)
    with pytest.raises(UsageError, match=message):
        EndpointConfig(stack, "C", **options(isolated))


def test_a_serverless_model(stack, model):
    with pytest.raises(UsageError, match="no model with network isolation"):
        EndpointConfig(stack, "A", variants=serverless(model))
    pipeline = Model(stack, "P", containers=[PLAIN, PLAIN], network_isolation=False)
    with pytest.raises(UsageError, match="no model with several containers"):
        EndpointConfig(stack, "B", variants=serverless(pipeline))
    with pytest.raises(UsageError, match="provisioned_concurrency 6 is above max_concurrency 5"):
        serverless(model, provisioned_concurrency=6)


def test_a_key_on_local_disks(stack, model):
    key = kms.Key(stack, "K")
    with pytest.raises(UsageError, match=r"ml\.g5\.xlarge has local disks"):
        EndpointConfig(stack, "C", variants=variant(model, instance_type=GPU), encryption_key=key)


def test_a_type_that_the_region_lacks(tmp_path):
    app = cdk.App(outdir=str(tmp_path / "out"), builtin_cloud_formation_validation=False)
    stack = cdk.Stack(app, "S", env=cdk.Environment(account="123456789012", region="sa-east-1"))
    model = Model(stack, "Model", containers=PLAIN)
    with pytest.raises(UsageError, match="not offered for hosting in sa-east-1"):
        EndpointConfig(stack, "C", variants=variant(model, instance_type="ml.c6gd.2xlarge"))
    EndpointConfig(stack, "D", variants=variant(model, instance_type=InstanceType.of("ml.c6gd.2xlarge")))


def test_endpoints_that_cannot_be(stack, model):
    def config(name, *variants, **options):
        return EndpointConfig(stack, name, variants=list(variants) or [variant(model)], **options)

    rolling = Rolling(batch=Capacity.percent(20), bake_time=FIVE_MINUTES)
    canary = BlueGreen.canary(Capacity.instances(2), bake_time=FIVE_MINUTES)
    cases = [
        ({"endpoint_config": "config"}, "import it"),
        ({"endpoint_config": config("A"), "endpoint_name": "-a"}, "cannot be a name"),
        ({"endpoint_config": config("B", variant(model), variant(model, name="X")), "deployment": rolling}, "roll"),
        (
            {"endpoint_config": config("C", variant(model, instance_type="ml.inf1.xlarge")), "deployment": canary},
            "inf1",
        ),
        ({"endpoint_config": config("D", variant(model, initial_instance_count=3)), "deployment": canary}, "half"),
        (
            {
                "endpoint_config": config("E", shadow_variants=[variant(model, name="Shadow")]),
                "deployment": BlueGreen.canary(Capacity.percent(10), bake_time=FIVE_MINUTES),
            },
            "all at once",
        ),
        ({"endpoint_config": config("F"), "rollback_alarms": ["slow"]}, "rollback alarm is 'slow'"),
    ]
    for number, (options, message) in enumerate(cases):
        with pytest.raises(UsageError, match=message):
            Endpoint(stack, f"E{number}", **options)


def test_components_that_cannot_be(stack, model):
    endpoint = shared(stack)
    needs = ResourceRequirements(requests={"memory": 1024})
    fits = ComponentSpecification(model=model, resources=needs)
    base = InferenceComponent(stack, "Base", endpoint=endpoint, specification=fits)
    own = Endpoint(stack, "Own", endpoint_config=EndpointConfig(stack, "OwnConfig", variants=variant(model)))
    cases = [
        ({"endpoint": own, "specification": fits}, "components=True"),
        ({"specification": ComponentSpecification(resources=needs)}, "runs nothing"),
        ({"specification": ComponentSpecification(model=model)}, "how much memory"),
        ({"specification": []}, "0 specifications"),
        ({"specification": [fits, fits]}, "an instance_type each"),
        ({"specification": fits, "copies": -1}, "at least 0"),
        ({"specification": fits, "base": base}, "an adapter is its weights alone"),
        (
            {
                "specification": ComponentSpecification(
                    model=model, resources=ResourceRequirements(requests={"memory": 1024, "num_accelerators": 4})
                )
            },
            r"asks for 4 accelerators, but ml\.g5\.xlarge has 1",
        ),
        ({"specification": fits, "rollback_alarms": [object()]}, "rolling"),
    ]
    for number, (options, message) in enumerate(cases):
        with pytest.raises(UsageError, match=message):
            InferenceComponent(stack, f"C{number}", **{"endpoint": endpoint, **options})
    with pytest.raises(UsageError, match="one of them"):
        ComponentSpecification(model=model, container=ComponentContainer(image="i"), resources=needs)


def test_packages_that_cannot_be(stack):
    group = ModelPackageGroup(stack, "G", model_package_group_name="g")
    with pytest.raises(UsageError, match="group=, or model_package_name="):
        ModelPackage(stack, "A", containers=PLAIN)
    with pytest.raises(UsageError, match="not of other packages"):
        ModelPackage(stack, "B", group=group, containers=Container(model_package_arn="arn"))


def endpoint_with(stack, tumour_bundle, **options):
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "k")
    if "pipeline" not in options and "components" not in options and "variants" not in options:
        options = {"bundle": tumour_bundle, "signing_secret": secret, **options}
    if "bundle" in options:
        options["bundle"] = tumour_bundle
    return ModelEndpoint(stack, "E", **options)


MEMORY = ResourceRequirements(requests={"memory": 512})
ENDPOINTS = {
    "no hosting": ({}, "there is no hosting"),
    "both hostings": ({"hosting": Hosting.serverless(), "instance_type": GPU}, "one or the other"),
    "unknown hosting": ({"hosting": "serverless"}, r"Hosting\.real_time"),
    "isolated serverless": ({"hosting": Hosting.serverless(), "network_isolation": True}, "neither VPC nor network"),
    "isolation with packages": ({"instance_type": GPU, "network_isolation": True}, "has packages to install"),
    "resources alone": ({"instance_type": GPU, "resources": MEMORY}, "INFERENCE_COMPONENT_BASED"),
    "resources as dict": ({"instance_type": GPU, "resources": {"memory": 1}}, r"ResourceRequirements\("),
    "component without resources": (
        {"instance_type": GPU, "endpoint_type": EndpointType.INFERENCE_COMPONENT_BASED},
        "what one copy takes",
    ),
    "contradiction": (
        {"hosting": Hosting.inference_components(instance_type=GPU), "endpoint_type": EndpointType.MODEL_BASED},
        "MODEL_BASED, but components",
    ),
    "endpoint type as text": ({"instance_type": GPU, "endpoint_type": "x"}, "Give EndpointType"),
    "components elsewhere": (
        {
            "components": [EndpointComponent(name="c", container=PLAIN, resources=MEMORY)],
            "hosting": Hosting.serverless(),
        },
        r"Hosting\.inference_components",
    ),
    "bundle without key": ({"pipeline": [], "bundle": True, "instance_type": GPU}, "needs one way"),
    "bundle and pipeline": (
        {"pipeline": [PLAIN], "bundle": True, "integrity": True, "instance_type": GPU},
        "bundle and pipeline say what to serve",
    ),
    "secret beside a pipeline": (
        {"pipeline": [PLAIN], "environment": {"A": "1"}, "instance_type": GPU},
        "belong to bundle=",
    ),
    "two serverless variants": (
        {
            "variants": [EndpointVariant(name=n, containers=PLAIN) for n in "AB"],
            "hosting": Hosting.serverless(),
        },
        "one variant",
    ),
}


@pytest.mark.parametrize("case", ENDPOINTS)
def test_a_model_endpoint_that_cannot_be(case, stack, tumour_bundle):
    options, message = ENDPOINTS[case]
    with pytest.raises(UsageError, match=message):
        endpoint_with(stack, tumour_bundle, **options)


def test_nothing_to_serve(stack):
    with pytest.raises(UsageError, match="nothing says what to serve"):
        ModelEndpoint(stack, "E", instance_type=GPU)


def test_scaling_that_cannot_be(stack, tumour_bundle):
    endpoint = endpoint_with(stack, tumour_bundle, instance_type="ml.m5.large")
    for call, message in (
        (lambda: endpoint.autoscale(max_capacity=3), "nothing says when to scale"),
        (
            lambda: endpoint.autoscale(max_capacity=3, target=ScalingTarget.gpu_utilization(50)),
            "AllTraffic cannot be scaled by gpu",
        ),
        (
            lambda: endpoint.autoscale(max_capacity=3, min_capacity=0, target=ScalingTarget.invocations(9)),
            "scale_to_zero",
        ),
        (
            lambda: endpoint.autoscale(max_capacity=3, of="Blue", target=ScalingTarget.invocations(9)),
            "nothing called 'Blue'",
        ),
        (lambda: endpoint.scale_to_zero(max_capacity=3), "only asynchronous endpoints and inference components"),
        (lambda: endpoint.add_component(EndpointComponent(name="c", container=PLAIN, resources=MEMORY)), "of its own"),
        (lambda: endpoint.add_adapter("a", artifact_s3_uri="s3://b/a.tar.gz"), "there is none"),
        (lambda: endpoint.connections, "in no VPC"),
    ):
        with pytest.raises(UsageError, match=message):
            call()
    with pytest.raises(UsageError, match="below min_capacity"):
        endpoint.autoscale(max_capacity=1, min_capacity=2, target=ScalingTarget.invocations(9))
    endpoint.autoscale(max_capacity=2, target=ScalingTarget.invocations(9))  # nothing of the refused ones is left


def test_a_published_artifact_of_another_build(stack, tumour_bundle):
    with pytest.raises(BundleError, match="was published from"):
        endpoint_with(stack, tumour_bundle, instance_type=GPU, artifact=Artifact.s3("s3://b/x/model.tar.gz", "0" * 64))
