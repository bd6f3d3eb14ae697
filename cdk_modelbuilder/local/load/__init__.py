"""A short load test of a model that runs on this machine: ``cdk-modelbuilder run --load``, or :func:`run_load`."""

from cdk_modelbuilder.local.load.chart import histogram
from cdk_modelbuilder.local.load.figures import LoadResult
from cdk_modelbuilder.local.load.plan import LoadPlan, LoadRequest
from cdk_modelbuilder.local.load.running import run_load

__all__ = ["LoadPlan", "LoadRequest", "LoadResult", "histogram", "run_load"]
