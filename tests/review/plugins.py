"""Tools that review an app as it is synthesized: the CDK's own validator, the packs of cdk-nag, SecureDefaults."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk

from tests.review.finding import Finding

# The packs with a rule about hosting; the others of cdk-nag (NIST 800-53 R4, Serverless) have none that these lack.
PACKS = ("AwsSolutionsChecks", "HIPAASecurityChecks", "NIST80053R5Checks", "PCIDSS321Checks")
REPORT = "validation-report.json"

# What an app must be told so that every finding is in the report, by construct path, and none ends the synth.
CONTEXT = {
    "@aws-cdk/core:failSynthOnValidationErrors": False,
    "aws:cdk:enable-path-metadata": True,
}


def add_plugins(app: cdk.App) -> None:
    import cdk_nag

    from cdk_modelbuilder.constructs.secure_defaults import SecureDefaults

    packs = [getattr(cdk_nag, name)(app) for name in PACKS]
    cdk.Validations.of(app).add_plugins(SecureDefaults(), *packs)


def reported(assembly: Path) -> list[Finding]:
    """What the plugins left in a cloud assembly; acknowledged findings are not among it."""
    report = json.loads((assembly / REPORT).read_text(encoding="utf-8"))
    return [
        Finding(
            tool=plugin["pluginName"],
            rule=violation["ruleName"],
            path=place.get("constructPath") or place.get("cloudFormationResource", {}).get("logicalId", "?"),
            message=violation["description"],
        )
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for place in violation["violatingConstructs"]
    ]
