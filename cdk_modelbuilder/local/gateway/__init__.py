"""SageMaker Runtime's API on this machine, in front of bundles: boto3's client needs no change but an endpoint URL.

See docs/local-gateway.md.
"""

from __future__ import annotations

from cdk_modelbuilder.local.gateway.assembly import host_assembly
from cdk_modelbuilder.local.gateway.copies import Start
from cdk_modelbuilder.local.gateway.from_bundles import host_bundles
from cdk_modelbuilder.local.gateway.front import Limits
from cdk_modelbuilder.local.gateway.gateway import LocalGateway
from cdk_modelbuilder.local.gateway.hosted import Hosted
from cdk_modelbuilder.local.gateway.objects import FolderObjects, Objects, S3Objects
from cdk_modelbuilder.local.page import Page

__all__ = [
    "FolderObjects",
    "Hosted",
    "Limits",
    "LocalGateway",
    "Objects",
    "Page",
    "S3Objects",
    "Start",
    "host_assembly",
    "host_bundles",
]
