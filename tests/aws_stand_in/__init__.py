"""AWS as far as this project needs it, on this machine: a mended moto, and the real CDK CLI to drive it.

Three ways in, from the cheapest:

* `mended_aws()` and `create_stack()` deploy a template inside the test process.
* `AwsStandIn` is a server of its own, for anything that speaks to AWS through an endpoint URL.
* `CdkCli` runs `cdk bootstrap`, `synth`, `diff`, `deploy` and `destroy` against an `AwsStandIn`.

Importing this package does not import moto: mending changes moto's modules for the whole process,
so that happens only in the server and inside `mended_aws()`.
"""

from tests.aws_stand_in.cdk_cli import CdkCli, CdkCliMissing, CdkFailed, CdkRun
from tests.aws_stand_in.environment import ACCOUNT, REGION
from tests.aws_stand_in.in_process import StackFailed, client, create_stack, mended_aws, update_stack
from tests.aws_stand_in.stand_in import AwsStandIn

__all__ = [
    "ACCOUNT",
    "REGION",
    "AwsStandIn",
    "CdkCli",
    "CdkCliMissing",
    "CdkFailed",
    "CdkRun",
    "StackFailed",
    "client",
    "create_stack",
    "mended_aws",
    "update_stack",
]
