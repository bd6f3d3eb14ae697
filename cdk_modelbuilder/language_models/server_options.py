"""Finds variables that a server makes options of which it does not have, before a container fails on them.

Only vLLM and SGLang refuse an option that they do not know; LMI hands unknown ones on, and TGI and TEI read the
variables that they know. The names are in ``server_options.json``, made by ``scripts/make_server_options.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.language_models.server_rules import rules_of
from cdk_modelbuilder.language_models.server_settings import variable_of

_LIKE = 0.85


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """The options of one release.

    Attributes:
        version: The release.
        names: Without dashes before.
    """

    version: str
    names: frozenset[str]


@cache
def options_of(server: str) -> ServerOptions | None:
    """All options of a server; None for one that refuses none."""
    table = json.loads(resources.files(__package__).joinpath("server_options.json").read_text(encoding="utf-8"))
    entry = table.get(server)
    return None if entry is None else ServerOptions(entry["version"], frozenset(entry["options"]))


def check_variables(server: str, variables: Mapping[str, str], *, own_image: bool) -> tuple[str, ...]:
    """Refuse a misspelt option; note one that the table does not have.

    Args:
        server: As ``model_server=`` has it.
        variables: The user's.
        own_image: Whether the image is the user's, which may hold any release: then nothing is refused.

    Raises:
        UsageError: A variable is like that of an option, and none itself.
    """
    known, prefix, notes = options_of(server), f"SM_{server}_".upper(), []
    for variable in sorted(variables) if known is not None else ():
        option = variable.removeprefix(prefix).lower().replace("_", "-")
        if known is None or not variable.startswith(prefix) or option in known.names:
            continue
        release = f"{rules_of(server).title} {known.version}"
        near = get_close_matches(option, sorted(known.names), 1, _LIKE)
        if near and not own_image:
            raise UsageError(
                f"env_vars sets {variable}, and {release} has no option --{option}: it would not start.",
                remedy=f"Did you mean {variable_of(server, near[0])}? If the image's release has it, serving=False "
                "passes it on unchecked.",
            )
        notes.append(f"{release} has no option --{option}, which env_vars sets; a server without it does not start.")
    return tuple(notes)
