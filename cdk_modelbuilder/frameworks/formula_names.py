"""The names that a formula of statsmodels uses beyond its columns, such as ``np`` in ``y ~ np.log(x)``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from cdk_modelbuilder.dependencies.local_source import SCRIPT_MODULES
from cdk_modelbuilder.errors import ModelError

_USUAL = {"np": "numpy", "numpy": "numpy", "pd": "pandas", "pandas": "pandas"}
"""What formulas are taken to mean by these where their engine does not say."""


@dataclass(frozen=True, slots=True)
class FormulaNames:
    """See the module.

    Attributes:
        references: ``(name, module, attribute)``; without an attribute the name is the module's.
        constants: Name -> number or text.
        engine: What reads the formula: ``patsy`` or ``formulaic``; empty where there is none.
    """

    references: tuple[tuple[str, str, str], ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    engine: str = ""

    @property
    def modules(self) -> list[str]:
        """The modules that are imported for them."""
        return sorted({module for _, module, _ in self.references})


def formula_names(results: Any) -> FormulaNames:
    """The names in the formula of ``results``; empty if there is none.

    patsy keeps with every factor the part of the caller's names that it uses (``patsy.EvalEnvironment.subset``).

    Raises:
        ModelError: A name stands for something that no import can bring back.
    """
    data = getattr(getattr(results, "model", None), "data", None)
    formula = getattr(data, "formula", None)
    if formula is None:
        return FormulaNames()
    references, constants = [], {}
    for name, value in sorted(_environment(data, str(formula)).items()):
        if isinstance(value, int | float | str):
            constants[name] = value
        else:
            references.append((name, *_reference(name, value, str(formula))))
    return FormulaNames(tuple(references), constants, type(_design(data)).__module__.partition(".")[0])


def _design(data: Any) -> Any:
    """What the engine made of the formula; its name changed in statsmodels 0.15."""
    return data.model_spec if hasattr(data, "model_spec") else getattr(data, "design_info", None)


def _environment(data: Any, formula: str) -> dict[str, Any]:
    factors = getattr(_design(data), "factor_infos", {})
    found: dict[str, Any] = {}
    for factor in factors.values():
        environment = factor.state.get("eval_env")
        for names in reversed(getattr(environment, "_namespaces", [])):
            found.update(names)
    columns = {str(name) for name in getattr(data, "frame", ())}  # come before the caller's names
    found = {name: value for name, value in found.items() if name not in columns and not _is_builtin(name, value)}
    if not found:
        found = {name: importlib.import_module(module) for name, module in _USUAL.items() if f"{name}." in formula}
    return found


def _is_builtin(name: str, value: Any) -> bool:
    """Whether it is a function of formulas, such as ``C`` and ``center``."""
    builtins = sys.modules.get("patsy.builtins")
    return builtins is not None and getattr(builtins, name, None) is value


def _reference(name: str, value: Any, formula: str) -> tuple[str, str]:
    if isinstance(value, ModuleType):
        return value.__name__, ""
    module, attribute = str(getattr(value, "__module__", None)), str(getattr(value, "__qualname__", name))
    if module in SCRIPT_MODULES or "<" in attribute or not _resolves(module, attribute, value):
        raise ModelError(
            f"the formula {formula!r} uses {name}, which cannot be imported from anywhere.",
            remedy="Define it by name in a module of its own and import it from there.",
        )
    return module, attribute


def _resolves(module: str, attribute: str, value: Any) -> bool:
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return False
    return found is value
