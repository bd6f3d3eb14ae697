"""What is deployed is what the templates promised, for each use; updated, side by side, scaled and not, and removed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cdk_modelbuilder import Mode
from tests.aws_stand_in import StackFailed, client, create_stack, update_stack
from tests.aws_stand_in.sagemaker_runtime import SageMakerRuntime
from tests.conftest import MASTER_KEY
from tests.constructs import two_of_each, uses
from tests.constructs.all_stacks import id_of
from tests.constructs.deployment import account, deploy, differences, key_of, physical_ids
from tests.constructs.synthesis import resources
from tests.constructs.uses import USES, ModelEndpoint, ScalingTarget, ScheduledCapacity, aas, component, real_time

SECRET = "cdk-modelbuilder/tumour"


class EveryEndpoint(dict):
    """One container behind all endpoints, whatever they are called."""

    def get(self, name: str, default: object = None) -> object:
        return self["served"]


@pytest.fixture(scope="module")
def runtime(bundles):
    """The SageMaker Runtime, with a real server of the first version behind every endpoint that is asked."""
    with SageMakerRuntime() as runtime, bundles.first.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as served:
        runtime.endpoints = EveryEndpoint(served=served.url)
        yield runtime


def environments() -> list[dict[str, str]]:
    """The variables of every container of every model that there is."""
    sagemaker = client("sagemaker")
    models = [sagemaker.describe_model(ModelName=one["ModelName"]) for one in sagemaker.list_models()["Models"]]
    containers = [one for model in models for one in [model.get("PrimaryContainer"), *model.get("Containers", [])]]
    return [one["Environment"] for one in containers if one and "Environment" in one]


def roots() -> set[str]:
    return {one["MODELBUILDER_ROOT_SHA256"] for one in environments() if "MODELBUILDER_ROOT_SHA256" in one}


def left() -> dict[str, int]:
    """How much there is of what a stack with an endpoint makes and takes away."""
    sagemaker, scaling = client("sagemaker"), client("application-autoscaling")
    found = {
        "models": sagemaker.list_models()["Models"],
        "configurations": sagemaker.list_endpoint_configs()["EndpointConfigs"],
        "endpoints": sagemaker.list_endpoints()["Endpoints"],
        "components": sagemaker.list_inference_components()["InferenceComponents"],
        "targets": scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"],
        "policies": scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"],
        "alarms": client("cloudwatch").describe_alarms()["MetricAlarms"],
        "dashboards": client("cloudwatch").list_dashboards()["DashboardEntries"],
        "functions": client("lambda").list_functions()["Functions"],
        "roles": client("iam").list_roles()["Roles"],
        "own policies": client("iam").list_policies(Scope="Local")["Policies"],
    }
    return {name: len(there) for name, there in found.items() if there}


def policies_of(role: str) -> set[str]:
    found = client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return {one["PolicyName"] for one in found}


@pytest.mark.parametrize("use", USES, ids=id_of)
def test_a_use_is_deployed_as_it_was_promised_and_leaves_nothing(use, bundles, runtime, tmp_path):
    with account(bundles, runtime=runtime.url):
        if use is uses.secret_reference:  # the stack makes the secret itself
            client("secretsmanager").delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
        # The golden tests are asked of one server, which is of the first version.
        template = deploy(create_stack, tmp_path, lambda stack: use(stack, replace(bundles, second=bundles.first)))
        assert differences(template) == []
        assert client("sagemaker").list_endpoints()["Endpoints"][0]["EndpointStatus"] == "InService"
        for environment in environments():
            if "MODELBUILDER_HMAC_KEY" in environment:
                assert environment["MODELBUILDER_HMAC_KEY"] == key_of(bundles.first)
        client("cloudformation").delete_stack(StackName="stack")
        assert left() == {}


def test_the_golden_test_is_asked_of_each_variant_by_name(bundles, runtime, tmp_path):
    with account(bundles, runtime=runtime.url):
        before = len(runtime.requests)
        deploy(create_stack, tmp_path, lambda stack: uses.variants(stack, replace(bundles, second=bundles.first)))
        asked = [headers["X-Amzn-SageMaker-Target-Variant"] for headers in runtime.requests[before:]]
        assert asked == ["Live", "Tried"]


def test_two_of_each_stand_side_by_side(bundles, runtime, tmp_path):
    with account(bundles, runtime=runtime.url):
        template = deploy(create_stack, tmp_path, lambda stack: two_of_each.endpoints(stack, bundles))
        assert differences(template) == []
        assert left() | {"roles": 0, "own policies": 0, "alarms": 0, "policies": 0} == {
            "models": 6, "configurations": 4, "endpoints": 4, "components": 8, "targets": 6, "dashboards": 4,
            "functions": 1, "alarms": 0, "policies": 0, "roles": 0, "own policies": 0,
        }  # fmt: skip
        client("cloudformation").delete_stack(StackName="stack")
        assert left() == {}


@pytest.mark.parametrize("use", [uses.real_time, uses.serverless, uses.asynchronous, uses.pipeline], ids=id_of)
def test_an_update_of_the_bundle_keeps_the_endpoint_and_replaces_the_rest(use, bundles, tmp_path):
    with account(bundles):
        first = deploy(create_stack, tmp_path / "1", lambda stack: use(stack, bundles))
        before, counts = physical_ids(), left()
        second = deploy(update_stack, tmp_path / "2", lambda stack: use(stack, bundles.updated()))
        after = physical_ids()
        assert differences(second) == []
        assert left() == counts, "the old ones are gone"
        for kind, stays in (("Endpoint", True), ("EndpointConfig", False), ("Model", False)):
            (name,) = resources(first, f"SageMaker::{kind}")
            assert (before[name] == after[name]) is stays, kind
        assert roots() == {bundles.second.root_sha256}
        old, new = (resources(template, "IAM::ManagedPolicy").keys() for template in (first, second))
        assert len(new - old) == len(old - new) == 1, "that which names the artifact"
        (role,) = resources(second, "IAM::Role")
        assert before[role] == after[role]
        assert policies_of(after[role]) == {after[name].rpartition("/")[2] for name in new}


def test_the_old_policy_goes_last(bundles, runtime, tmp_path, monkeypatch):
    """Instances of the old model are started while the new one is being tried: both may fetch what they are made of."""
    seen = []

    class Watching(EveryEndpoint):
        def get(self, name, default=None):
            sagemaker = client("sagemaker")
            models = [sagemaker.describe_model(ModelName=one["ModelName"]) for one in sagemaker.list_models()["Models"]]
            (role,) = {model["ExecutionRoleArn"].rpartition("/")[2] for model in models}
            seen.append((len(models), len(policies_of(role))))
            return super().get(name, default)

    with account(bundles, runtime=runtime.url):
        deploy(create_stack, tmp_path / "1", lambda stack: uses.verified(stack, bundles))
        monkeypatch.setattr(runtime, "endpoints", Watching(runtime.endpoints))
        with pytest.raises(StackFailed, match="UPDATE_ROLLBACK_COMPLETE"):
            deploy(update_stack, tmp_path / "2", lambda stack: uses.verified(stack, bundles.updated()))
        assert seen == [(2, 2), (2, 2)], "forward, and back again"
        assert roots() == {bundles.first.root_sha256}
        (role,) = {name for name in physical_ids().values() if "EndpointRole" in name}
        assert len(policies_of(role)) == 1


def test_an_update_of_one_component_leaves_the_other_one_alone(bundles, tmp_path):
    with account(bundles):
        first = deploy(create_stack, tmp_path / "1", lambda stack: uses.components(stack, bundles))
        before, counts = physical_ids(), left()
        second = deploy(update_stack, tmp_path / "2", lambda stack: uses.components(stack, bundles.updated()))
        after = physical_ids()
        assert differences(second) == []
        assert left() == counts
        moved = {name for name in before if before[name] != after.get(name)}
        policies = resources(first, "IAM::ManagedPolicy").keys()
        assert {name[:-8] for name in moved - policies} == {"EndpointModeltumour"}
        found = client("sagemaker").list_inference_components()["InferenceComponents"]
        assert len(found) == 4
        assert roots() == {bundles.second.root_sha256}


def test_a_component_and_its_adapter_come_and_go(bundles, tmp_path):
    def fill(*parts):
        return lambda stack: ModelEndpoint(stack, "E", components=[*parts], instance_type="ml.m5.2xlarge")

    def names():
        found = client("sagemaker").list_inference_components()["InferenceComponents"]
        return {one["InferenceComponentName"].rpartition("-")[2] for one in found}

    with account(bundles):
        deploy(create_stack, tmp_path / "1", fill(component("one")))
        assert names() == {"one"}
        more = component("two", adapters={"fine": "s3://adapters/fine.tar.gz"})
        template = deploy(update_stack, tmp_path / "2", fill(component("one"), more))
        assert names() == {"one", "two", "fine"}
        assert differences(template) == []
        deploy(update_stack, tmp_path / "3", fill(component("one")))
        assert names() == {"one"}


def test_a_bundle_whose_key_was_not_pushed_changes_nothing(bundles, tmp_path):
    with account(bundles):
        deploy(create_stack, tmp_path / "1", lambda stack: real_time(stack, bundles))
        keys = {bundles.first.key_id: key_of(bundles.first)}
        client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=json.dumps(keys))
        before, counts = physical_ids(), left()
        with pytest.raises(StackFailed, match="UPDATE_ROLLBACK_COMPLETE"):
            deploy(update_stack, tmp_path / "2", lambda stack: real_time(stack, bundles.updated()))
        assert roots() == {bundles.first.root_sha256}
        assert (physical_ids(), left()) == (before, counts)


def test_autoscaling_is_switched_on_changed_and_off_again(bundles, tmp_path):
    scaling = client("application-autoscaling")

    def targets():
        found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        return [(one["MinCapacity"], one["MaxCapacity"]) for one in found]

    def policies():
        found = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        return {one["PolicyName"] for one in found}

    def scaled(**options):
        return lambda stack: real_time(stack, bundles).autoscale(**options)

    with account(bundles):
        plain = deploy(create_stack, tmp_path / "1", lambda stack: real_time(stack, bundles))
        (endpoint,) = resources(plain, "SageMaker::Endpoint")
        before = physical_ids()[endpoint]
        assert (targets(), policies()) == ([], set())

        calls = ScalingTarget.invocations(per_minute=100)
        deploy(update_stack, tmp_path / "2", scaled(max_capacity=4, target=calls))
        assert (targets(), policies()) == ([(1, 4)], {"ScalingAllTraffic-KeepInvocations"})

        at_night = ScheduledCapacity(schedule=aas.Schedule.cron(hour="20", minute="0"), max_capacity=2)
        both = [calls, ScalingTarget.concurrency(requests=2)]
        more = deploy(update_stack, tmp_path / "3", scaled(max_capacity=8, target=both, schedule=[at_night]))
        assert targets() == [(1, 8)]
        assert policies() == {"ScalingAllTraffic-KeepInvocations", "ScalingAllTraffic-KeepConcurrency"}
        assert differences(more) == []

        deploy(update_stack, tmp_path / "4", lambda stack: real_time(stack, bundles))
        assert (targets(), policies()) == ([], set())
        assert physical_ids()[endpoint] == before
