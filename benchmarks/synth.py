"""Synthesis of many ModelEndpoints, against the same resources written in plain L1."""

from __future__ import annotations

import json
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
        resources = _resources(Path(folder) / f"ours-{counts[0]}-0")
        assert resources == _resources(Path(folder) / f"l1-{counts[0]}-0"), "the peer must make the same resources"
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
    each = [(best["ours", many] - best["ours", few]) / (many - few) for few, many in zip(counts, counts[1:], strict=False)]
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

    X = np.arange(12.0).reshape(6, 2)
    y = X @ [1.0, 2.0]
    ModelBuilder(
        model=LinearRegression().fit(X, y), schema_builder=SchemaBuilder(X, y), name="tumour", model_path=Path(path)
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
    from aws_cdk import aws_secretsmanager as secretsmanager

    from cdk_modelbuilder.constructs import Artifact, ModelEndpoint

    secret = stack.node.try_find_child("Key") or secretsmanager.Secret.from_secret_name_v2(
        stack, "Key", "cdk-modelbuilder/tumour"
    )
    ModelEndpoint(
        stack,
        f"Endpoint{number}",
        bundle=bundle,
        instance_type="ml.c6i.large",
        signing_secret=secret,
        artifact=Artifact.published("models"),
    )


def _in_l1(stack: Any, number: int, bundle: str) -> None:
    """What somebody would write by hand, with the digests copied."""
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_sagemaker as sagemaker

    spec = _spec(bundle)
    name = f"endpoint-{number}"
    role = iam.CfnRole(
        stack,
        f"Role{number}",
        assume_role_policy_document={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "sts:AssumeRole",
                    "Effect": "Allow",
                    "Principal": {"Service": "sagemaker.amazonaws.com"},
                }
            ],
        },
    )
    arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/" + name
    policy = iam.CfnManagedPolicy(
        stack,
        f"Access{number}",
        roles=[role.ref],
        policy_document={
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
                {
                    "Effect": "Allow",
                    "Action": [
                        "ecr:BatchCheckLayerAvailability",
                        "ecr:BatchGetImage",
                        "ecr:GetDownloadUrlForLayer",
                    ],
                    "Resource": "arn:aws:ecr:eu-west-1:141502667606:repository/sagemaker-xgboost",
                },
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::models/digest/model.tar.gz"},
                {
                    "Effect": "Allow",
                    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                    "Resource": [arn, arn + ":log-stream:*"],
                },
                {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*"},
            ],
        },
    )
    key = kms.CfnKey(
        stack,
        f"StorageKey{number}",
        enable_key_rotation=True,
        key_policy={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "kms:*",
                    "Resource": "*",
                    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                }
            ],
        },
    )
    source = sagemaker.CfnModel.S3DataSourceProperty(
        s3_uri="s3://models/digest/model.tar.gz", s3_data_type="S3Object", compression_type="Gzip"
    )
    model = sagemaker.CfnModel(
        stack,
        f"Model{number}",
        execution_role_arn=role.attr_arn,
        enable_network_isolation=False,
        primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
            image="141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0",
            environment={
                **spec["environment"],
                "MODELBUILDER_HMAC_KEY": "{{resolve:secretsmanager:cdk-modelbuilder/tumour:SecretString:id}}",
            },
            model_data_source=sagemaker.CfnModel.ModelDataSourceProperty(s3_data_source=source),
        ),
    )
    model.node.add_dependency(policy)
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
    )
    sagemaker.CfnEndpoint(
        stack,
        f"Endpoint{number}",
        endpoint_name=name,
        endpoint_config_name=config.attr_endpoint_config_name,
    )


def _spec(bundle: str, _held: dict[str, Any] = {}) -> Any:  # noqa: B006 - read once, as constants in a file would be
    if bundle not in _held:
        _held[bundle] = json.loads((Path(bundle) / "container.json").read_text())
    return _held[bundle]


def _resources(out: Path) -> list[str]:
    template = json.loads((out / "Stack0.template.json").read_text())
    return sorted(resource["Type"].removeprefix("AWS::") for resource in template["Resources"].values())
