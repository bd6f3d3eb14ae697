"""Values that were asked for where nothing can be reckoned: the server is told them, and only they are checked."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.language_models.compatibility import check_options
from cdk_modelbuilder.language_models.overrides import Overrides
from cdk_modelbuilder.language_models.server_rules import rules_of


def asked_values(server: str, overrides: Overrides, *, instance_type: str | None, accelerators: int) -> dict[str, Any]:
    """What was asked for, by our names.

    Args:
        server: As ``model_server=`` has it.
        overrides: What was asked for.
        instance_type: Where it is to run; None where that is not said.
        accelerators: How many it has.

    Raises:
        UsageError: The server has no option for a value, does not know it, or the instance has too few accelerators.
    """
    rules = rules_of(server)
    check_options(rules, overrides)
    for name, known in (
        ("dtype", rules.dtypes),
        ("quantization", tuple(rules.quantizations)),
        ("cache_dtype", tuple(rules.cache_dtypes)),
    ):
        value = getattr(overrides, name)
        if value is not None and value not in known:
            raise UsageError(
                f"{name}={value!r} is nothing that {rules.title} is asked for here.",
                remedy=f"Take one of {', '.join(known)}." if known else "Leave it out.",
            )
    split = overrides.tensor_parallel
    if split is not None and split > 1 and instance_type is not None and split > accelerators:
        raise UsageError(
            f"tensor_parallel={split} was asked for, and {instance_type} has {accelerators} accelerators.",
            remedy="Take an instance type with as many, or leave it out.",
        )
    found = {field.name: getattr(overrides, field.name) for field in fields(overrides)}
    return {name: value for name, value in found.items() if value is not None and name in rules.options}
