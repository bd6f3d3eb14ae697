"""One stack for each bundle folder that the context names, so that `cdk deploy` works at the repository root.

    cdk deploy -c bundles=build/churn -c instance_type=ml.c6i.large

An app as `cdk-modelbuilder init` writes them, for bundles that are not known before: the context names them.

Context: bundles (folders, separated by commas; wild cards work), instance_type, instance_count, signing_secret (name or
ARN of the secret, {name} stands for the bundle's name; default: where `keys push` puts keys), region and account
(default: decided when deploying).
"""

from __future__ import annotations

import sys
from pathlib import Path

import aws_cdk as cdk

from cdk_modelbuilder import ModelBuilderError, ModelBundle
from cdk_modelbuilder.constructs import ImportedSecret, ModelEndpoint, SigningSecret


class EndpointStack(cdk.Stack):
    """One bundle as one endpoint."""

    def __init__(self, scope: cdk.App, bundle: ModelBundle, *, env: cdk.Environment | None) -> None:
        super().__init__(scope, f"{bundle.name}-endpoint", env=env, description=f"Endpoint of the model {bundle.name}")
        context = self.node.get_context
        endpoint = ModelEndpoint(
            self,
            "Endpoint",
            bundle=bundle,
            instance_type=context("instance_type"),
            initial_instance_count=int(context("instance_count")),
            signing_secret=self.signing_secret(bundle.name),
        )
        endpoint.monitor()
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)

    def signing_secret(self, name: str) -> ImportedSecret:
        """The secret that the context names for the bundle called ``name``."""
        wanted = str(self.node.get_context("signing_secret")).format(name=name)
        if wanted == "default":
            return SigningSecret.from_name(self, "SigningSecret", name)
        if wanted.startswith("arn:"):
            return SigningSecret.from_arn(self, "SigningSecret", wanted)
        return SigningSecret.from_name(self, "SigningSecret", secret_name=wanted)


def bundle_folders(patterns: str) -> list[Path]:
    """Folders that ``patterns`` names and that hold a bundle; a name without wild cards must be one."""
    found: list[Path] = []
    for pattern in filter(None, map(str.strip, patterns.split(","))):
        if any(char in pattern for char in "*?["):
            found += sorted(path.parent for path in Path().glob(f"{pattern}/bundle.json"))
        else:
            found.append(Path(pattern))
    return found


def add_stacks(app: cdk.App) -> None:
    """Put a stack for each bundle into ``app``."""
    region, account = app.node.try_get_context("region"), app.node.try_get_context("account")
    env = cdk.Environment(region=region, account=account) if region or account else None
    folders = bundle_folders(app.node.get_context("bundles"))
    if not folders:  # no error: `cdk bootstrap` runs the app too, before there is any bundle
        sys.stderr.write(f"No bundle in {app.node.get_context('bundles')!r}: name one with -c bundles=build/churn\n")
    for folder in folders:
        EndpointStack(app, ModelBundle.load(folder), env=env)


if __name__ == "__main__":
    app = cdk.App()
    try:
        add_stacks(app)
    except ModelBuilderError as error:  # what it says is enough
        sys.exit(str(error))
    app.synth()
