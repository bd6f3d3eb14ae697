"""What our constructs can write is what CloudFormation takes: the stacks with everything on, before its schemas.

Only what is invalid counts here. What a security review says of such stacks is for the examples to answer, which are
made to be deployed.
"""

from __future__ import annotations

import aws_cdk as cdk
import pytest

from tests.constructs.everything import STACKS
from tests.review.review import findings
from tests.review.template_tools import installed

pytestmark = pytest.mark.slow


def test_stacks_with_everything_on_are_valid():
    pytest.importorskip("cdk_nag", reason="cdk-nag is not installed: run `make setup-all`")
    if not installed():
        pytest.skip("the review tools are not installed: run `make setup-all`")
    env = cdk.Environment(account="123456789012", region="eu-west-1")

    def build(app):
        for stack in STACKS:
            stack(cdk.Stack(app, stack.__name__.replace("_", "-"), env=env))

    found = [finding for finding in findings(build) if finding.tool in {"cfn-lint", "CloudFormation Validate"}]
    assert not found, "\n".join(map(str, found))
