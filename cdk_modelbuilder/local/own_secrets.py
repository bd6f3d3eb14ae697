"""Secrets that a container has from AWS Secrets Manager in the cloud, and here from whoever runs it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.errors import UsageError


def own_secrets(spec: ContainerSpec, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The secret variables' values on this machine.

    Args:
        spec: Names the variables.
        given: The variables of whoever runs it. Default: those of this process.

    Raises:
        UsageError: One is not set.
    """
    variables = os.environ if given is None else given
    absent = sorted(name for name in spec.secrets if not variables.get(name))
    if absent:
        raise UsageError(
            f"{', '.join(absent)} is not set, and the container needs it; in the cloud it is the secret "
            f"{', '.join(spec.secrets[name] for name in absent)}.",
            remedy=f"Set it to a value of your own: export {absent[0]}=...",
        )
    return {name: variables[name] for name in spec.secrets}
