"""Plans come back from the JSON that an app keeps of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.plan import (
    AppPlan,
    ArtifactPlan,
    AsynchronousPlan,
    EndpointPlan,
    HostingKind,
    Pipeline,
    ResourcesPlan,
    ServerlessPlan,
    VpcPlan,
)

WORDS = st.text(max_size=20)
NUMBERS = st.none() | st.integers(1, 1000)


def optional(kind, **fields):
    return st.none() | st.builds(kind, **fields)


ENDPOINTS = st.builds(
    EndpointPlan,
    name=WORDS,
    bundle=WORDS,
    hosting=st.sampled_from(HostingKind),
    instance_type=st.none() | WORDS,
    initial_instance_count=NUMBERS,
    max_instance_count=NUMBERS,
    stack_name=st.none() | WORDS,
    endpoint_name=st.none() | WORDS,
    role_arn=st.none() | WORDS,
    vpc=optional(VpcPlan, vpc_id=WORDS, subnets=st.lists(WORDS).map(tuple), security_groups=st.lists(WORDS).map(tuple),
                 availability_zones=st.lists(WORDS).map(tuple),
                 allow_all_outbound=st.booleans()),
    network_isolation=st.none() | st.booleans(),
    environment=st.dictionaries(WORDS, WORDS, max_size=3),
    resources=optional(ResourcesPlan, memory=st.integers(128, 10**6), num_cpus=st.none() | st.floats(0.25, 100),
                       num_accelerators=NUMBERS, copies=NUMBERS, max_memory=NUMBERS),
    serverless=optional(ServerlessPlan, memory_mib=st.integers(1, 9999), max_concurrency=st.integers(1, 200),
                        provisioned_concurrency=NUMBERS),
    asynchronous=optional(AsynchronousPlan, output_s3_uri=st.none() | WORDS, failure_s3_uri=st.none() | WORDS,
                          input_s3_uri=st.none() | WORDS, max_concurrent_invocations_per_instance=NUMBERS),
    signing_secret=st.none() | WORDS,
    public_key=st.none() | WORDS,
    artifact=optional(ArtifactPlan, bucket=WORDS, prefix=WORDS, form=st.none() | WORDS, uri=st.none() | WORDS,
                      digest=st.none() | WORDS),
    encrypt_storage=st.booleans(),
    verify_on_deploy=st.booleans(),
    monitor=st.booleans(),
    packages=st.lists(WORDS).map(tuple),
)  # fmt: skip
PLANS = st.builds(
    AppPlan,
    name=WORDS,
    endpoints=st.lists(ENDPOINTS, max_size=2).map(tuple),
    pipeline=st.sampled_from(Pipeline),
    example=st.booleans(),
    account=st.none() | WORDS,
    region=st.none() | WORDS,
    python=WORDS,
)


@given(PLANS)
def test_a_plan_comes_back(plan):
    assert AppPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"plan_version": 2, "name": "a", "endpoints": []},
        {"plan_version": 1, "name": "a"},
        {"plan_version": 1, "name": "a", "endpoints": [{"name": "b"}]},
        {"plan_version": 1, "name": "a", "endpoints": [], "colour": "red"},
        {"plan_version": 1, "name": "a", "endpoints": [], "pipeline": "jenkins"},
        {"plan_version": 1, "name": "a", "endpoints": [{"name": "b", "bundle": "c", "vpc": 3}]},
    ],
)
def test_what_is_no_plan_is_refused(data):
    with pytest.raises(UsageError, match="plan"):
        AppPlan.from_json(data)
