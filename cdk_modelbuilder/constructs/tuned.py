"""A bundle's tuning in the template: used on instances like the machine that it was measured on, and said so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import aws_cdk as cdk
from constructs import Construct

from cdk_modelbuilder.constructs.arguments import is_token
from cdk_modelbuilder.constructs.container import BundleContainer, Container
from cdk_modelbuilder.tuning.use import use_of


def tuned_on(scope: Construct, containers: Sequence[Container], instance_types: Sequence[str]) -> list[Container]:
    """``containers`` with the variables of their bundles' tunings, where those hold on all of ``instance_types``.

    ``cdk synth`` prints what became of each tuning.

    Raises:
        BundleError: A ``tuning.json`` cannot be read.
        UsageError: ``tuning="always"`` for a bundle without one.
    """
    return [_tuned(scope, one, instance_types) if isinstance(one, BundleContainer) else one for one in containers]


def instance_types_of(options: dict[str, object]) -> list[str]:
    """The types that a variant of these options may run on; what is a token cannot be known."""
    pools = options["instance_pools"]
    assert isinstance(pools, Sequence)
    found = [options["instance_type"], *(pool.instance_type for pool in pools)]
    return [name if not is_token(name) else "a token" for name in found if isinstance(name, str)]


def _tuned(scope: Construct, container: BundleContainer, instance_types: Sequence[str]) -> BundleContainer:
    use = use_of(container.bundle, instance_types, container.tuning)
    if use.note is not None:
        cdk.Annotations.of(scope).add_info(use.note)
    return replace(container, tuned=use.environment) if use.environment else container
