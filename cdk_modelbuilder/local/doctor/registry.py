"""The table of all checks, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.doctor import (
    aws_bucket,
    aws_caller,
    aws_image,
    aws_permissions,
    aws_role,
    bundle_files,
    cdk_cli,
    clock,
    disk,
    docker_daemon,
    docker_sdk,
    gpu,
    image,
    memory_room,
    node,
    open_files,
    packages,
    ports,
    python,
    signing_key,
)
from cdk_modelbuilder.local.doctor.check import Check

CHECKS: tuple[Check, ...] = (
    python.CHECK,
    packages.CHECK,
    bundle_files.CHECK,
    signing_key.CHECK,
    ports.CHECK,
    memory_room.CHECK,
    open_files.CHECK,
    disk.CHECK,
    docker_daemon.CHECK,
    docker_sdk.CHECK,
    image.CHECK,
    gpu.CHECK,
    node.CHECK,
    cdk_cli.CHECK,
    aws_caller.CHECK,
    clock.CHECK,
    aws_permissions.CHECK,
    aws_role.CHECK,
    aws_bucket.CHECK,
    aws_image.CHECK,
)


def chosen_checks(names: Sequence[str]) -> tuple[Check, ...]:
    """The checks called ``names``, in the table's order; all for no name.

    Raises:
        UsageError: There is no such check.
    """
    known = [check.name for check in CHECKS]
    for name in names:
        if name not in known:
            raise UsageError(f"there is no check {name!r}.", remedy=f"The checks are {', '.join(known)}.")
    return tuple(check for check in CHECKS if check.name in names or not names)
