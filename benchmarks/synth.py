"""Synthesis of many ModelEndpoints, against the same resources written in plain L1."""

from __future__ import annotations

import itertools
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, Settings, fresh

PER_STACK = 50  # CloudFormation takes 500 resources a stack
_ENVIRONMENT = {"account": "123456789012", "region": "eu-west-1"}


def rows(settings: Settings) -> list[Row]:
    bundle = settings.scratch / "synth" / "tumour"
    fresh(build, str(bundle))
    counts = (1, 20) if settings.quick else (1, 100, 500)
    taken: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(2 if settings.quick else 5):
            for count in counts:
                for kind in ("ours", "l1"):
                    out = Path(folder) / f"{kind}-{count}-{turn}"
                    taken.setdefault((kind, count), []).append(fresh(synth, kind, count, str(bundle), str(out)))
        ours, peer = Path(folder) / f"ours-{counts[0]}-0", Path(folder) / f"l1-{counts[0]}-0"
        assert _contents(ours) == _contents(peer), "the peer must write the same template"
        resources = _resources(ours)
    found = []
    best = {key: min(values) for key, values in taken.items()}
    for count in counts:
        ratio = best["ours", count] / best["l1", count]
        found.append(
            Row(
                f"synth of {count} ModelEndpoint{'' if count == 1 else 's'}",
                f"{best['ours', count]:.2f} s",
                f"the same resources in plain L1 {best['l1', count]:.2f} s",
                ratio,
                "<= 1.5x",
                ratio <= 1.5,
                f"A fresh process from `import aws_cdk` to the end of `app.synth()`, without the CDK's own validator "
                f"(which takes seconds for either). Resources of one: {', '.join(resources)}. Ours reads the bundle's "
                "text files each time; no model file is read.",
            )
        )
    each = [(best["ours", many] - best["ours", few]) / (many - few) for few, many in itertools.pairwise(counts)]
    if len(each) > 1:
        growth = each[1] / each[0]
        found.append(
            Row(
                f"each further ModelEndpoint, from {counts[1]} to {counts[2]}",
                f"{each[1] * 1000:.1f} ms",
                f"from {counts[0]} to {counts[1]} {each[0] * 1000:.1f} ms",
                growth,
                "linear: <= 1.3x",
                growth <= 1.3,
            )
        )
    return found


def build(path: str) -> None:
    import numpy as np
    from sklearn.linear_model import LinearRegression

    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    given = np.arange(12.0).reshape(6, 2)
    wanted = given @ [1.0, 2.0]
    ModelBuilder(
        model=LinearRegression().fit(given, wanted),
        schema_builder=SchemaBuilder(given, wanted),
        name="tumour",
        model_path=Path(path),
    ).build()


def synth(kind: str, count: int, bundle: str, out: str) -> float:
    start = time.perf_counter()
    import aws_cdk as cdk

    app = cdk.App(outdir=out, builtin_cloud_formation_validation=False)
    add = _ours if kind == "ours" else _in_l1
    stack = None
    for number in range(count):
        if number % PER_STACK == 0:
            stack = cdk.Stack(app, f"Stack{number // PER_STACK}", env=cdk.Environment(**_ENVIRONMENT))
        add(stack, number, bundle)
    app.synth()
    return time.perf_counter() - start


def _ours(stack: Any, number: int, bundle: str) -> None:
    from cdk_modelbuilder.constructs import Artifact, ModelEndpoint, SigningSecret

    secret = SigningSecret.from_name(stack, f"Key{number}", "tumour")
    ModelEndpoint(
        stack,
        f"Endpoint{number}",
        bundle=bundle,
        instance_type="ml.c6i.large",
        signing_secret=secret,
        artifact=Artifact.published("models"),
    )


def _in_l1(stack: Any, number: int, bundle: str) -> None:
    """What somebody would write by hand for the same template, with digests and statements copied."""
    import aws_cdk as cdk
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_sagemaker as sagemaker

    copied = _copied(bundle)
    name = f"Stack{number // PER_STACK}-Endpoint{number}"
    tags = [cdk.CfnTag(key="cdk-modelbuilder:root-sha256", value=copied["root"])]
    role = iam.CfnRole(
        stack,
        f"Role{number}",
        assume_role_policy_document={
            "Version": "2012-10-17",
            "Statement": [
                {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}
            ],
        },
    )
    arn = f"arn:{copied['partition']}:"
    group = f"{arn}logs:{copied['region']}:{copied['account']}:log-group:/aws/sagemaker/Endpoints/{name}"
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    log = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    spaces = {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker*"]}}
    repository = f"{arn}ecr:eu-west-1:141502667606:repository/{copied['repository']}"
    policy = iam.CfnManagedPolicy(
        stack,
        f"Access{number}",
        roles=[role.ref],
        policy_document={
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "PullImage", "Effect": "Allow", "Action": pull, "Resource": repository},
                {
                    "Sid": "LogInToRegistry",
                    "Effect": "Allow",
                    "Action": "ecr:GetAuthorizationToken",
                    "Resource": "*",
                },
                {
                    "Sid": "ReadModel",
                    "Effect": "Allow",
                    "Action": "s3:GetObject",
                    "Resource": f"{arn}s3:::models/{copied['key']}",
                },
                {"Sid": "WriteLog", "Effect": "Allow", "Action": log, "Resource": [group, f"{group}:*"]},
                {
                    "Sid": "WriteMetrics",
                    "Effect": "Allow",
                    "Action": "cloudwatch:PutMetricData",
                    "Resource": "*",
                    "Condition": spaces,
                },
            ],
        },
    )
    key = kms.CfnKey(
        stack,
        f"StorageKey{number}",
        description=f"Storage volumes of the endpoint {name}",
        enable_key_rotation=True,
        key_policy={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "kms:*",
                    "Resource": "*",
                    "Principal": {"AWS": f"{arn}iam::123456789012:root"},
                }
            ],
        },
    )
    key.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
    secret = f"{arn}secretsmanager:eu-west-1:123456789012:secret:cdk-modelbuilder/tumour"
    model = sagemaker.CfnModel(
        stack,
        f"Model{number}",
        execution_role_arn=role.attr_arn,
        enable_network_isolation=False,
        primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
            image=copied["image"],
            environment={
                **copied["environment"],
                "MODELBUILDER_HMAC_KEY": f"{{{{resolve:secretsmanager:{secret}:SecretString:{copied['key id']}::}}}}",
            },
            model_data_url=f"s3://models/{copied['key']}",
        ),
        tags=tags,
    )
    model.node.add_dependency(policy)
    model.add_metadata("checkov", {"skip": [{"id": "CKV_AWS_370", "comment": copied["reason"]}]})
    model.add_metadata("guard", {"SuppressedRules": ["model_isolated"]})
    config = sagemaker.CfnEndpointConfig(
        stack,
        f"Config{number}",
        kms_key_id=key.attr_arn,
        production_variants=[
            sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                variant_name="AllTraffic",
                model_name=model.attr_model_name,
                instance_type="ml.c6i.large",
                initial_instance_count=1,
                initial_variant_weight=1,
            )
        ],
        tags=tags,
    )
    sagemaker.CfnEndpoint(
        stack,
        f"Endpoint{number}",
        endpoint_name=name,
        endpoint_config_name=config.attr_endpoint_config_name,
    )


def _copied(bundle: str, _held: dict[str, Any] = {}) -> Any:  # noqa: B006 - read once, as constants in a file would be
    if not _held:
        import aws_cdk as cdk

        from cdk_modelbuilder import ModelBundle

        read = ModelBundle.read(bundle)
        image = read.container.image
        _held.update(
            {
                "root": read.root_sha256,
                "key id": read.key_id,
                "key": f"{read.artifact_digest}/model.tar.gz",
                "environment": dict(read.container.environment),
                "repository": image.repository,
                "image": f"141502667606.dkr.ecr.eu-west-1.amazonaws.com/{image.repository}:{image.tag}",
                "reason": f"{read.name} has packages to install (code/requirements.txt)",
                "partition": cdk.Aws.PARTITION,
                "region": cdk.Aws.REGION,
                "account": cdk.Aws.ACCOUNT_ID,
            }
        )
    return _held


def _contents(out: Path) -> list[Any]:
    """Each resource of the first endpoint, with logical ids and generated names made alike."""
    template = json.loads((out / "Stack0.template.json").read_text())
    text = json.dumps(template["Resources"], sort_keys=True)
    for number, (name, resource) in enumerate(sorted(template["Resources"].items(), key=lambda item: item[1]["Type"])):
        assert resource["Type"]
        text = text.replace(f'"{name}"', f'"resource{number}"')
    text = re.sub(r"Stack0-Endpoint0(-[0-9A-F]{8})?", "endpoint", text)
    return sorted(json.loads(text).items())


def _resources(out: Path) -> list[str]:
    template = json.loads((out / "Stack0.template.json").read_text())
    return sorted(resource["Type"].removeprefix("AWS::") for resource in template["Resources"].values())
