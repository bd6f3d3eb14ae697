"""Models and components in a VPC: subnets, security groups, rules between them and others."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2

from cdk_modelbuilder.constructs import (
    EndpointConfig,
    EndpointVariant,
    InstanceVariant,
    Model,
    ModelEndpoint,
)
from cdk_modelbuilder.errors import UsageError
from tests.constructs.synthesis import only, resources, synthesize
from tests.constructs.uses import component, own, vpc

SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]


def database(stack: cdk.Stack) -> ec2.SecurityGroup:
    return ec2.SecurityGroup(stack, "Database", vpc=vpc(stack), allow_all_outbound=False)


def rules(template) -> set[tuple[str, str, str, int]]:
    """Direction, group, other group and port of the rules between groups."""
    found = set()
    for direction, peer in (("Ingress", "SourceSecurityGroupId"), ("Egress", "DestinationSecurityGroupId")):
        for rule in resources(template, f"EC2::SecurityGroup{direction}").values():
            properties = rule["Properties"]
            ends = (properties[end]["Fn::GetAtt"][0][:-8] for end in ("GroupId", peer))
            found.add((direction, *ends, properties["FromPort"]))
    return found


def statement(template, sid: str) -> dict:
    (policy,) = resources(template, "IAM::ManagedPolicy").values()
    (one,) = (one for one in policy["Properties"]["PolicyDocument"]["Statement"] if one["Sid"] == sid)
    return one


def test_a_model_gets_the_private_subnets_and_a_group_of_its_own(tmp_path):
    template = synthesize(tmp_path, lambda stack: Model(stack, "M", containers=own("m"), vpc=vpc(stack)))
    placed = only(template, "SageMaker::Model")["VpcConfig"]
    (group,) = resources(template, "EC2::SecurityGroup")
    assert placed == {"Subnets": SUBNETS, "SecurityGroupIds": [{"Fn::GetAtt": [group, "GroupId"]}]}
    outbound = only(template, "EC2::SecurityGroup")["SecurityGroupEgress"]
    assert [rule["IpProtocol"] for rule in outbound] == ["-1"]
    joining = str(statement(template, "JoinVpc")["Resource"])
    assert all(f"subnet/{name}" in joining for name in SUBNETS)
    assert group in joining


def test_nothing_goes_out_of_a_closed_group(tmp_path):
    def fill(stack):
        Model(stack, "M", containers=own("m"), vpc=vpc(stack), allow_all_outbound=False)

    (rule,) = only(synthesize(tmp_path, fill), "EC2::SecurityGroup")["SecurityGroupEgress"]
    assert rule["CidrIp"] == "255.255.255.255/32"


def test_subnets_and_groups_of_one_s_own(tmp_path):
    def fill(stack):
        groups = [database(stack), ec2.SecurityGroup.from_security_group_id(stack, "Known", "sg-0123456789abcdef0")]
        chosen = ec2.SubnetSelection(availability_zones=["eu-west-1b"])
        Model(stack, "M", containers=own("m"), vpc=vpc(stack), vpc_subnets=chosen, security_groups=groups)

    template = synthesize(tmp_path, fill)
    placed = only(template, "SageMaker::Model")["VpcConfig"]
    assert placed["Subnets"] == SUBNETS[1:]
    assert placed["SecurityGroupIds"][1] == "sg-0123456789abcdef0"
    assert len(resources(template, "EC2::SecurityGroup")) == 1, "none was made"


def test_rules_between_a_model_and_others_in_both_directions(tmp_path):
    def fill(stack):
        model = Model(stack, "Served", containers=own("m"), vpc=vpc(stack), allow_all_outbound=False)
        other = database(stack)
        model.connections.allow_to(other, ec2.Port.tcp(5432))
        other.connections.allow_to(model.connections, ec2.Port.tcp(8080))

    assert rules(synthesize(tmp_path, fill)) == {
        ("Egress", "ServedSecurityGroup", "Database", 5432),
        ("Ingress", "Database", "ServedSecurityGroup", 5432),
        ("Egress", "Database", "ServedSecurityGroup", 8080),
        ("Ingress", "ServedSecurityGroup", "Database", 8080),
    }


def test_rules_of_an_endpoint_are_those_of_all_its_variants(tmp_path):
    def fill(stack):
        endpoint = ModelEndpoint(
            stack,
            "E",
            variants=[EndpointVariant(name=name, containers=own(name)) for name in ("Live", "Tried")],
            instance_type="ml.m5.large",
            vpc=vpc(stack),
            allow_all_outbound=False,
        )
        endpoint.connections.allow_to(database(stack), ec2.Port.tcp(5432))

    template = synthesize(tmp_path, fill)
    models = {"EModelLiveSecurityGroup", "EModelTriedSecurityGroup"}
    assert rules(template) == {
        *(("Egress", model, "Database", 5432) for model in models),
        *(("Ingress", "Database", model, 5432) for model in models),
    }


def test_variants_may_share_a_group(tmp_path):
    def fill(stack):
        group = ec2.SecurityGroup(stack, "Shared", vpc=vpc(stack))
        endpoint = ModelEndpoint(
            stack,
            "E",
            variants=[EndpointVariant(name=name, containers=own(name)) for name in ("Live", "Tried")],
            instance_type="ml.m5.large",
            vpc=vpc(stack),
            security_groups=[group],
        )
        endpoint.connections.allow_from(database(stack), ec2.Port.tcp(8080))
        assert len(endpoint.connections.security_groups) == 1

    template = synthesize(tmp_path, fill)
    assert len(resources(template, "EC2::SecurityGroup")) == 2
    assert ("Ingress", "Shared", "Database", 8080) in rules(template)


def test_components_are_placed_by_the_configuration(tmp_path):
    """SageMaker takes the VPC of such an endpoint from there, and refuses one in its models."""

    def fill(stack):
        endpoint = ModelEndpoint(
            stack, "E", components=[component("one")], instance_type="ml.m5.2xlarge", vpc=vpc(stack)
        )
        endpoint.connections.allow_from(database(stack), ec2.Port.tcp(8080))

    template = synthesize(tmp_path, fill)
    assert only(template, "SageMaker::EndpointConfig")["VpcConfig"]["Subnets"] == SUBNETS
    assert "VpcConfig" not in only(template, "SageMaker::Model")
    assert ("Ingress", "EConfigSecurityGroup", "Database", 8080) in rules(template)
    assert statement(template, "JoinVpc")


def test_what_is_in_no_vpc_has_no_connections():
    stack = cdk.Stack(cdk.App(builtin_cloud_formation_validation=False), "S")
    model = Model(stack, "M", containers=own("m"))
    config = EndpointConfig(stack, "C", variants=InstanceVariant(model=model, instance_type="ml.m5.large"))
    served = ModelEndpoint(stack, "E", pipeline=[own("m")], instance_type="ml.m5.large")
    for one in (model, config, served):
        with pytest.raises(UsageError, match="is in no VPC"):
            _ = one.connections


def test_a_vpc_alone_makes_no_container_leave_its_isolation(tmp_path):
    template = synthesize(tmp_path, lambda stack: Model(stack, "M", containers=own("m"), vpc=vpc(stack)))
    assert only(template, "SageMaker::Model")["EnableNetworkIsolation"] is True
