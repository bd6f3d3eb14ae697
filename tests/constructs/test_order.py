"""The order in which CloudFormation works follows from the templates: nothing is made before what it needs."""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError

import pytest

from tests.constructs.all_stacks import stacks_of
from tests.constructs.synthesis import resources
from tests.constructs.template_order import all_it_needs, names_of, order, waits_for

ALL = [*stacks_of(None), "staged"]


def types_of(template, names):
    return {template["Resources"][name]["Type"].removeprefix("AWS::") for name in names}


@pytest.mark.parametrize("name", ALL)
def test_every_reference_leads_somewhere_and_none_back_to_itself(name, templates):
    template = templates[name]
    found = order(template)
    assert sorted(found) == sorted(template["Resources"])


@pytest.mark.parametrize("name", ALL)
def test_no_name_is_taken_twice(name, templates):
    twice = {name: count for name, count in Counter(names_of(templates[name])).items() if count > 1}
    assert not twice


def test_a_cycle_would_be_found():
    first = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::Sub": "x-${Second}"}}}
    second = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::Join": ["", [{"Ref": "Third"}]]}}}
    third = {"Type": "AWS::SNS::Topic", "DependsOn": "First"}
    with pytest.raises(CycleError):
        order({"Resources": {"First": first, "Second": second, "Third": third}})
    with pytest.raises(AssertionError, match="Third"):
        order({"Resources": {"First": first, "Second": second}})


@pytest.mark.parametrize("name", ALL)
def test_whatever_has_a_role_of_the_stack_waits_for_all_that_the_role_may_do(name, templates):
    """Else SageMaker tries to fetch the model before it may, and the deployment fails now and then."""
    template = templates[name]
    granted = {}
    for policy, resource in resources(template, "IAM::ManagedPolicy").items():
        said = {statement["Sid"] for statement in resource["Properties"]["PolicyDocument"]["Statement"]}
        for role in resource["Properties"].get("Roles", ()):
            if said != {"SeeAlarms"}:  # only what moves from one model to the next waits for alarms
                granted.setdefault(role["Ref"], set()).add(policy)
    for kind in ("SageMaker::Model", "SageMaker::EndpointConfig"):
        for one, resource in resources(template, kind).items():
            role = resource["Properties"].get("ExecutionRoleArn", {})
            policies = granted.get(role["Fn::GetAtt"][0], set()) if "Fn::GetAtt" in role else set()
            assert policies <= waits_for(resource), one


@pytest.mark.parametrize("name", ALL)
def test_references_and_no_names_tie_the_parts_of_an_endpoint(name, templates):
    """A name as text would hide from CloudFormation what must be there before, and what must go after."""
    template = templates[name]
    for one, resource in resources(template, "SageMaker::Endpoint").items():
        assert "SageMaker::EndpointConfig" in types_of(template, waits_for(resource)), one
    for one, resource in resources(template, "SageMaker::InferenceComponent").items():
        needs = types_of(template, all_it_needs(template, one))
        assert {"SageMaker::Endpoint", "SageMaker::EndpointConfig"} <= needs, one
        if "BaseInferenceComponentName" in resource["Properties"].get("Specification", {}):
            assert "SageMaker::InferenceComponent" in types_of(template, waits_for(resource)), one
    for one, resource in resources(template, "SageMaker::EndpointConfig").items():
        variants = resource["Properties"]["ProductionVariants"]
        if any("ModelName" in variant for variant in variants):
            assert "SageMaker::Model" in types_of(template, waits_for(resource)), one


@pytest.mark.parametrize("name", ALL)
def test_what_is_scaled_is_there_before_and_goes_after(name, templates):
    template = templates[name]
    for one, resource in resources(template, "ApplicationAutoScaling::ScalableTarget").items():
        kind = "Endpoint" if resource["Properties"]["ResourceId"].startswith("endpoint/") else "InferenceComponent"
        assert f"SageMaker::{kind}" in types_of(template, waits_for(resource)), one
    for one, resource in resources(template, "ApplicationAutoScaling::ScalingPolicy").items():
        assert types_of(template, waits_for(resource)) == {"ApplicationAutoScaling::ScalableTarget"}, one


def test_alarms_that_roll_back_are_there_before_the_endpoint(templates):
    """Their metrics name the endpoint by text, so that neither waits for the other twice."""
    template = templates["use-real-time-with-everything"]
    (endpoint,) = resources(template, "SageMaker::Endpoint").values()
    named = {alarm["AlarmName"]["Ref"] for alarm in
             endpoint["Properties"]["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]}  # fmt: skip
    assert len(named) == 3
    assert named <= waits_for(endpoint)
    for alarm in named:
        assert "SageMaker::Endpoint" not in types_of(template, all_it_needs(template, alarm))


def test_alarms_that_roll_back_are_there_before_the_component(templates):
    template = templates["use-components"]
    rolling = [one for one in resources(template, "SageMaker::InferenceComponent").values()
               if "DeploymentConfig" in one["Properties"]]  # fmt: skip
    assert len(rolling) == 2
    for component in rolling:
        assert len(waits_for(component) & resources(template, "CloudWatch::Alarm").keys()) == 3


def test_the_alarm_that_wakes_waits_for_the_policy_that_it_starts(templates):
    for name in ("use-components", "use-asynchronous"):
        template = templates[name]
        waking = [alarm for alarm in resources(template, "CloudWatch::Alarm") if alarm.split("WakeAlarm")[1:]]
        assert waking
        for alarm in waking:
            needs = types_of(template, all_it_needs(template, alarm))
            assert {"ApplicationAutoScaling::ScalingPolicy", "SageMaker::Endpoint"} <= needs


def test_the_golden_gate_is_last(templates):
    """All that can change what is answered was there before, the last component among it."""
    for name in ("use-verified", "use-variants", "use-real-time-with-everything"):
        template = templates[name]
        (gate,) = (one for one, found in template["Resources"].items() if found["Type"].startswith("Custom::"))
        needs = all_it_needs(template, gate)
        for kind in ("SageMaker::Model", "SageMaker::EndpointConfig", "SageMaker::Endpoint", "Lambda::Function"):
            assert resources(template, kind).keys() <= needs
        assert "IAM::ManagedPolicy" in types_of(template, waits_for(template["Resources"][gate]))


def test_a_package_waits_for_its_group(templates):
    template = templates["two-of-each"]
    for package in resources(template, "SageMaker::ModelPackage").values():
        assert "SageMaker::ModelPackageGroup" in types_of(template, waits_for(package))
