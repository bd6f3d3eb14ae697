"""Subnets and security groups of a Model or EndpointConfig."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aws_cdk as cdk
from constructs import Construct

from cdk_modelbuilder.constructs.arguments import LIST_PLACEHOLDER
from cdk_modelbuilder.constructs.permissions import Statement, join_vpc
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_ec2 as ec2

MAX_SUBNETS, MAX_GROUPS = 16, 5


@dataclass(frozen=True, slots=True)
class PlacedInVpc:
    """Where the instances' network interfaces go.

    Attributes:
        subnet_ids: Subnets.
        group_ids: Security groups.
        connections: For rules between them and others.
        permissions: What the execution role needs for that.
    """

    subnet_ids: Sequence[str]
    group_ids: Sequence[str]
    connections: ec2.Connections
    permissions: Sequence[Statement]


def place_in_vpc(
    scope: Construct,
    vpc: ec2.IVpc | None,
    subnets: ec2.SubnetSelection | None,
    security_groups: Sequence[ec2.ISecurityGroup] | None,
    *,
    allow_all_outbound: bool,
) -> PlacedInVpc | None:
    """Choose subnets and make a security group where none is given; None without a VPC.

    Raises:
        UsageError: Subnets or groups without a VPC, or more than SageMaker takes.
    """
    if vpc is None:
        if subnets is not None or security_groups:
            raise UsageError("vpc_subnets and security_groups need a VPC.", remedy="Give vpc= too.")
        return None
    from aws_cdk import aws_ec2 as ec2  # noqa: PLC0415 - see above

    groups = list(security_groups or [])
    if not groups:
        description = "Network interfaces of a SageMaker model"
        groups = [
            ec2.SecurityGroup(
                scope, "SecurityGroup", vpc=vpc, allow_all_outbound=allow_all_outbound, description=description
            )
        ]
    chosen = _selected(vpc, subnets)
    if len(chosen) > MAX_SUBNETS or len(groups) > MAX_GROUPS:
        raise UsageError(
            f"{len(chosen)} subnets and {len(groups)} security groups are too many: SageMaker takes {MAX_SUBNETS} and "
            f"{MAX_GROUPS}.",
            remedy="Choose some with vpc_subnets= and security_groups=.",
        )
    if len(chosen) == 1 and not chosen[0].startswith(LIST_PLACEHOLDER):
        cdk.Annotations.of(scope).add_warning_v2(
            "cdk-modelbuilder:one-subnet",
            "One subnet: SageMaker wants at least two, in different Availability Zones, even for one instance.",
        )
    ids = [group.security_group_id for group in groups]
    return PlacedInVpc(chosen, ids, ec2.Connections(security_groups=groups), join_vpc(chosen, ids))


def _selected(vpc: ec2.IVpc, subnets: ec2.SubnetSelection | None) -> Sequence[str]:
    if subnets is None:
        return vpc.select_subnets().subnet_ids
    return vpc.select_subnets(
        availability_zones=subnets.availability_zones,
        one_per_az=subnets.one_per_az,
        subnet_filters=subnets.subnet_filters,
        subnet_group_name=subnets.subnet_group_name,
        subnets=subnets.subnets,
        subnet_type=subnets.subnet_type,
    ).subnet_ids
