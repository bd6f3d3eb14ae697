"""Names that follow from a model's name: of its file, its class and its stack."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.plan import EndpointPlan

# A stack's name begins with a letter (CloudFormation User Guide, "Stack name"); hyphens as in names of bundles.
_MODEL_NAME = re.compile(r"[A-Za-z](-?[A-Za-z0-9]){0,62}")
_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")


def check_model_name(name: str) -> None:
    """Refuse a name of which no stack and no Python class can be made.

    Raises:
        UsageError: It is one.
    """
    if not _MODEL_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a stack and a class.",
            remedy="Use up to 63 letters, digits and single hyphens, beginning with a letter; for a bundle with "
            "another name: --bundle NAME=FOLDER.",
        )


def module_of(endpoint: EndpointPlan) -> str:
    """The module below ``stacks``: ``tumour-v2`` -> ``tumour_v2_stack``."""
    return f"{endpoint.name.lower().replace('-', '_')}_stack"


def import_order(endpoint: EndpointPlan) -> list[tuple[int, int, str]]:
    """Sorts modules as import blocks are sorted: numbers in them by their value."""
    words = re.findall(r"\d+|\D", module_of(endpoint))
    return [(ord("0"), int(word), word) if word.isdigit() else (ord(word), 0, "") for word in words]


def class_of(endpoint: EndpointPlan) -> str:
    """The stack's class: ``tumour-v2`` -> ``TumourV2Stack``."""
    return "".join(word[:1].upper() + word[1:] for word in endpoint.name.split("-")) + "Stack"


def stack_of(endpoint: EndpointPlan) -> str:
    """The stack's name."""
    return endpoint.stack_name or f"{endpoint.name}-endpoint"


def check_apart(endpoints: Sequence[EndpointPlan]) -> None:
    """Refuse endpoints whose files, classes or stacks would be the same.

    Raises:
        UsageError: Two of them clash, a stack cannot have its name, or there is none.
    """
    if not endpoints:
        raise UsageError("an app without an endpoint has no stack.", remedy="Name a bundle: --bundle FOLDER.")
    for endpoint in endpoints:
        check_model_name(endpoint.name)
        if not _STACK_NAME.fullmatch(stack_of(endpoint)):
            raise UsageError(
                f"{stack_of(endpoint)!r} cannot be a stack's name.",
                remedy="Use up to 128 letters, digits and hyphens, beginning with a letter.",
            )
    for what, names in (
        ("the file", ((module_of(one), one) for one in endpoints)),
        ("the class", ((class_of(one).lower(), one) for one in endpoints)),
        ("the stack", ((stack_of(one).lower(), one) for one in endpoints)),
    ):
        _check_unique(what, names)


def _check_unique(what: str, names: Iterable[tuple[str, EndpointPlan]]) -> None:
    owners: dict[str, list[EndpointPlan]] = defaultdict(list)
    for name, endpoint in names:
        owners[name].append(endpoint)
    for name, of in owners.items():
        if len(of) > 1:
            first, second = of[:2]
            raise UsageError(
                f"the bundles {first.bundle} ({first.name}) and {second.bundle} ({second.name}) would share {what} "
                f"{name}.",
                remedy="Give one of them another name: --bundle NAME=FOLDER.",
            )
