"""Measures a bundle under other serving properties on this machine, and writes the better ones into it.

:meth:`cdk_modelbuilder.bundle.ModelBundle.tune` is the way in.
"""

from cdk_modelbuilder.tuning.budget import Budget
from cdk_modelbuilder.tuning.objective import Objective
from cdk_modelbuilder.tuning.result import Configuration, TuningResult, read_tuning
from cdk_modelbuilder.tuning.timing import Timing

__all__ = ["Budget", "Configuration", "Objective", "Timing", "TuningResult", "read_tuning"]
