"""Copies as processes on this machine: the default way to start one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.integrity.keys import require_master_key
from cdk_modelbuilder.local.gateway.copies import Start
from cdk_modelbuilder.local.running import RunningModel


def process_start(signing_key: str | bytes | None = None, *, workers: int = 1) -> Start:
    """Starts bundles as :class:`~cdk_modelbuilder.local.process.LocalProcess`.

    Args:
        signing_key: The master key that signed the bundles. Default: the environment's, else the key file's.
        workers: Server processes for each copy.
    """

    def start(bundle: ModelBundle, environment: Mapping[str, str], *, on_log: Callable[[str], object]) -> RunningModel:
        from cdk_modelbuilder.local.process import LocalProcess  # noqa: PLC0415 - containers need none

        if "code/inference.py" not in bundle.manifest.files:
            raise UsageError(
                f"{bundle.name} has no code that a process here could run: {bundle.container.model_server} serves its "
                "model.",
                remedy="Run its container.",
            )
        master = require_master_key(
            signing_key, purpose=f"to verify {bundle.name} with at its start", remedy=", or as signing_key"
        )
        key = bundle.check_signature(master.secret)
        changed = replace(bundle, container=replace(bundle.container, environment=dict(environment)))
        return LocalProcess(changed, key, workers=workers, on_log=on_log)

    return start
