"""The CDK construct library: the only place that imports aws_cdk. It reads bundles, never models.

from cdk_modelbuilder.constructs import ModelEndpoint
"""

from __future__ import annotations

from cdk_modelbuilder.errors import UsageError

try:
    import aws_cdk as _aws_cdk  # noqa: F401 - asked first, so that its absence has a remedy
except ModuleNotFoundError as _error:
    raise UsageError(
        "cdk_modelbuilder.constructs needs aws-cdk-lib, which is not installed.",
        remedy="Run: pip install 'cdk-modelbuilder[cdk]'",
    ) from _error

from cdk_modelbuilder.constructs.model_endpoint import ModelEndpoint

__all__ = ["ModelEndpoint"]
