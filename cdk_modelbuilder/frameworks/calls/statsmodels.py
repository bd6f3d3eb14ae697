"""How results of statsmodels are loaded and called."""

from typing import Any


def load_results(load: Any, references: Any, constants: Any, engine: Any) -> Any:
    """What ``load()`` gives, called where a formula finds the names that it uses.

    statsmodels evaluates the formula again when results are unpickled, and looks for its names in the functions that
    called it (``ModelData.__setstate__``).

    Args:
        load: Unpickles the results.
        references: ``[name, module, attribute]`` of each name; without an attribute it is the module.
        constants: Name -> number or text.
        engine: What reads formulas: ``patsy``, ``formulaic``, or nothing.
    """
    import builtins
    import importlib
    import types

    options = getattr(importlib.import_module("statsmodels.formula"), "options", None) if engine else None
    if options is not None:
        options.formula_engine = engine
    names = dict(constants, __builtins__=builtins)
    for name, module, attribute in references:
        names[name] = importlib.import_module(module)
        for part in attribute.split(".") if attribute else ():
            names[name] = getattr(names[name], part)
    caller = types.FunctionType(_call_from_depth.__code__, names)
    names["_call_from_depth"] = caller
    return caller(4, load)


def _call_from_depth(depth: Any, load: Any) -> Any:
    return _call_from_depth(depth - 1, load) if depth else load()


def call_results(results: Any, data: Any, method: Any) -> Any:
    """The answer of ``results`` to ``data``, in a type that payloads have."""
    function = getattr(results, method)
    if hasattr(results, "forecast"):  # of time: the arguments by name, or how many steps
        if isinstance(data, dict):
            found = function(**{name: _array(value) for name, value in data.items()})
        elif method == "forecast" and isinstance(data, int):
            found = function(data)
        else:
            raise TypeError("give the arguments of %s() as a dict, or forecast() a number of steps" % method)
    else:
        found = function(_rows(data, has_formula=hasattr(results.model, "formula")))
    return found.summary_frame() if hasattr(found, "summary_frame") else found


def _rows(data: Any, has_formula: Any) -> Any:
    """Values of the independent variables, as ``predict`` wants them."""
    if has_formula and isinstance(data, dict):
        import pandas as pd

        single = not any(isinstance(value, (list, tuple)) or hasattr(value, "__array__") for value in data.values())
        return pd.DataFrame([data] if single else data)
    return _array(data)


def _array(value: Any) -> Any:
    """Lists as an array."""
    if not isinstance(value, (list, tuple)):
        return value
    import numpy as np

    return np.asarray(value)
