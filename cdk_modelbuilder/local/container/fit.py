"""Whether a bundle, the user's options and this machine fit together, asked before anything is started."""

from __future__ import annotations

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.integrity.signature import BundleKey
from cdk_modelbuilder.local.container.engine import Engine
from cdk_modelbuilder.local.container.options import ContainerOptions
from cdk_modelbuilder.local.listening import listen
from cdk_modelbuilder.local.own_secrets import own_secrets


def check_engine(engine: Engine, options: ContainerOptions) -> None:
    """The same for the daemon.

    Raises:
        UsageError: Podman is to give GPUs away: it takes Docker's way of asking and gives none (seen in 4.3).
    """
    if options.accelerators and engine.is_podman:
        raise UsageError(
            f"{engine} is asked for GPUs the way Docker is, and gives none without saying so.",
            remedy="Use Docker with the NVIDIA Container Toolkit, or leave gpus out.",
        )


def check_fit(bundle: ModelBundle, options: ContainerOptions, key: BundleKey | None, port: int) -> None:
    """Say at once what would only come to light after minutes.

    Raises:
        UsageError: A key or a secret is missing, isolation and installs exclude each other, or the port is taken.
    """
    spec = bundle.container
    if spec.secret_environment and key is None:
        raise UsageError(
            f"{bundle.name} is verified with its key at its start, and none was given.", remedy="Give its key."
        )
    own_secrets(spec)
    if options.network_isolation and spec.installs == "index":
        raise UsageError(
            f"{bundle.name} installs packages from an index when it starts, which it cannot reach in isolation.",
            remedy="Build it with dependencies={'packaging': 'image'} or 'wheels', or leave network_isolation out.",
        )
    if port:
        listen(port).close()
