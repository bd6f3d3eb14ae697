"""Load for a trial: which requests are sent, how many at a time or a second, and for how long."""

from cdk_modelbuilder.tuning.load.plan import Load
from cdk_modelbuilder.tuning.load.requests import LoadRequest, read_requests, sample_requests

__all__ = ["Load", "LoadRequest", "read_requests", "sample_requests"]
