"""Which of the places where a daemon may listen are asked to run containers."""

from __future__ import annotations

import os
from typing import Any

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.docker_address import DockerAddress, chosen_context, docker_addresses


def addresses() -> list[DockerAddress]:
    """Where to ask, in this order; one alone if the user chose it, and else the sockets that there are.

    Raises:
        UsageError: The context has no such name, or the daemon is on another machine.
    """
    found = docker_addresses()
    chosen = next((address for address in found if address.is_chosen), None)
    if chosen is None:
        name = chosen_context()
        if name is not None:
            raise UsageError(
                f"there is no Docker context {name!r}.",
                remedy="`docker context ls` lists them; `docker context use default` goes back.",
            )
        # Unlike Path.exists(), os.path's is silent about a folder that is closed to this user.
        here = [one for one in found if one.socket is not None and os.path.exists(one.socket)]  # noqa: PTH110
        return [one for one in here if not one.must_be_named]
    if not chosen.is_local:
        raise UsageError(
            f"{chosen} is on another machine, which does not see the model's folder here.",
            remedy="Unset it, or choose a daemon of this machine.",
        )
    return [chosen]


def tls_of(address: DockerAddress) -> Any:
    """The SDK's TLS configuration for it; False for none."""
    if address.context is not None:
        from docker.context import ContextAPI  # noqa: PLC0415 - an extra

        context = ContextAPI.get_context(address.context)
        return False if context is None else context.TLSConfig or False
    if not address.is_chosen or not os.environ.get("DOCKER_TLS_VERIFY"):
        return False
    from docker.utils import kwargs_from_env  # noqa: PLC0415 - an extra

    return kwargs_from_env().get("tls", False)
