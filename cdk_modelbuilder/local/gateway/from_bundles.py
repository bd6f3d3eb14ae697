"""Endpoints from bundles: one each, named after the bundle, with one variant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.gateway.hosted import (
    AsyncSettings,
    Hosted,
    HostedContainer,
    HostedEndpoint,
    HostedModel,
    Variant,
)

VARIANT = "AllTraffic"
LOCAL_OUTPUT = "s3://local-endpoint-output"
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""A name of an endpoint, by the service model of sagemaker-runtime."""


def host_bundles(bundles: Sequence[ModelBundle], *, copies: int = 1, asynchronous: bool = False) -> Hosted:
    """One endpoint for each of ``bundles``.

    Args:
        bundles: What is served.
        copies: How many servers of each.
        asynchronous: Make asynchronous endpoints of them, whose answers and failures go to ``s3://local-endpoint-output/NAME``.

    Raises:
        UsageError: There is no bundle, two have one name, or a name is none that an endpoint can have.
    """
    if not bundles:
        raise UsageError("no bundle was given.", remedy="Name at least one.")
    names = [bundle.name for bundle in bundles]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two bundles have the name {name!r}.", remedy="Build one of them with another name=.")
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be the name of an endpoint.",
                remedy="Build the bundle with a name= of at most 63 letters, digits and inner hyphens.",
            )
    return Hosted(
        tuple(
            HostedEndpoint(
                name=bundle.name,
                config_name=bundle.name,
                variants=(
                    Variant(
                        VARIANT,
                        HostedModel(
                            bundle.name, (HostedContainer("primary", bundle, dict(bundle.container.environment)),)
                        ),
                        copies=copies,
                    ),
                ),
                asynchronous=AsyncSettings(f"{LOCAL_OUTPUT}/{bundle.name}", f"{LOCAL_OUTPUT}/{bundle.name}")
                if asynchronous
                else None,
            )
            for bundle in bundles
        )
    )


def with_bundle(endpoint: HostedEndpoint, bundle: ModelBundle) -> HostedEndpoint:
    """An endpoint that :func:`host_bundles` made, with another build of its bundle.

    Raises:
        UsageError: It was made otherwise.
    """
    models = [variant.model for variant in endpoint.variants]
    if endpoint.components or len(models) != 1 or models[0] is None or len(models[0].containers) != 1:
        raise UsageError(
            f"endpoint {endpoint.name} is not made of one bundle.", remedy="Start it anew to serve another build."
        )
    container = HostedContainer("primary", bundle, dict(bundle.container.environment))
    variant = replace(endpoint.variants[0], model=replace(models[0], containers=(container,)))
    return replace(endpoint, variants=(variant,))
