"""Reads which globals a pickle names, without executing it, and checks them against an allow-list.

A pickle can call whatever it names. So the names are the whole attack surface: they are listed from the opcodes,
judged here when a bundle is built, recorded in the bundle, and the generated code unpickles nothing else.
"""

from __future__ import annotations

import contextlib
import fnmatch
import importlib
import pickletools
import sys
from collections.abc import Iterable, Sequence
from types import BuiltinFunctionType, FunctionType
from typing import IO

from cdk_modelbuilder.dependencies.local_source import is_local
from cdk_modelbuilder.errors import ModelError

_CLASSES_FROM = (
    "_catboost",
    "_loss",
    "catboost",
    "datetime",
    "decimal",
    "fractions",
    "lightgbm",
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
    "uuid",
    "xgboost",
)
"""Libraries whose classes may be named. Functions need a line below."""

_NEVER_FROM = (
    "catboost.datasets",
    "catboost.eval",
    "catboost.utils",
    "catboost.widget",
    "lightgbm.dask",
    "lightgbm.engine",
    "lightgbm.libpath",
    "numpy.ctypeslib",
    "numpy.distutils",
    "numpy.f2py",
    "numpy.lib",
    "numpy.testing",
    "pandas.core.computation",
    "pandas.io",
    "scipy.io",
    "sklearn.datasets",
    "xgboost.dask",
    "xgboost.spark",
)
"""Parts of them whose classes open files, load libraries, or evaluate text when they are made."""

_FUNCTIONS = frozenset(
    {
        "_codecs.encode",
        "collections.OrderedDict",
        "collections.Counter",
        "collections.defaultdict",
        "collections.deque",
        "copyreg._reconstructor",
        "copyreg.__newobj__",
        "functools.partial",
        "joblib.numpy_pickle.NumpyArrayWrapper",
        "numpy._core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
        "numpy._core.numeric._frombuffer",
        "numpy._core._internal._reconstruct_array",
        "numpy.core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar",
        "numpy.core.numeric._frombuffer",
        "numpy.ma.core._mareconstruct",
        "numpy.max",
        "numpy.mean",
        "numpy.median",
        "numpy.min",
        "numpy.std",
        "numpy.sum",
        "numpy.var",
        "numpy.random._pickle.__bit_generator_ctor",
        "numpy.random._pickle.__generator_ctor",
        "numpy.random._pickle.__randomstate_ctor",
        "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",
        "pandas.NA",
        "pandas._libs.internals._unpickle_block",
        "pandas._libs.tslibs.nattype._nat_unpickle",
        "pandas._libs.tslibs.timedeltas._timedelta_unpickle",
        "pandas._libs.tslibs.timestamps._unpickle_timestamp",
        "pandas.core.indexes.base._new_Index",
        "pandas.core.indexes.datetimes._new_DatetimeIndex",
        "pandas.core.indexes.interval._new_IntervalIndex",
        "pandas.core.indexes.period._new_PeriodIndex",
        "pandas.core.indexes.timedeltas._new_TimedeltaIndex",
        "pyarrow.lib._restore_array",  # text in the tables of pandas
        "pyarrow.lib.py_buffer",
        "pyarrow.lib.type_for_alias",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.sparse._matrix.spmatrix",
        "sklearn.cluster._kmeans._kmeans_single_elkan",
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        "types.SimpleNamespace",
    }
)
_BUILTINS = frozenset(
    {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "set"}
    | {"slice", "str", "tuple", "type"}
)
_FUNCTIONS_FROM = (
    "numpy.linalg",
    "scipy.special",
    "sklearn.feature_selection",
    "sklearn.metrics",
    "sklearn.preprocessing",
    "sklearn.gaussian_process",
)

_NO_LIBRARY = frozenset({"__main__", "conftest", "setup", "tests"})
"""Parts of a module's name that belong to no library but run something when they are imported."""

Global = tuple[str, str]


def list_globals(stream: IO[bytes]) -> list[Global]:
    """``(module, name)`` of every global in the pickle, sorted; nothing is imported or executed.

    Raises:
        ModelError: The stream is no pickle, or names a global in a way that cannot be read off.
    """
    found: set[Global] = set()
    memo: dict[int, str | None] = {}
    pushed: list[str | None] = []  # what the last opcodes pushed: a string, or None for anything else
    try:
        for opcode, argument, position in pickletools.genops(stream):
            name = opcode.name
            if name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
                memo[len(memo) if argument is None else int(argument)] = pushed[-1] if pushed else None
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                pushed.append(memo.get(int(argument)))  # type: ignore[arg-type]
            elif name in ("GLOBAL", "INST"):
                module, _, attribute = str(argument).partition(" ")
                found.add((module, attribute))
                pushed.append(None)
            elif name == "STACK_GLOBAL":
                module_name, attribute_name = pushed[-2:] if len(pushed) > 1 else (None, None)
                if module_name is None or attribute_name is None:
                    raise ModelError(
                        f"the pickle names a global indirectly at byte {position}, which no pickler does.",
                        remedy="Do not load it; save the model afresh from where it was trained.",
                    )
                found.add((module_name, attribute_name))
                pushed.append(None)
            elif name not in ("PROTO", "FRAME"):
                pushed.append(argument if isinstance(argument, str) and "UNICODE" in name else None)
            del pushed[:-2]
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001 - the reader of opcodes meets bytes of any kind
        raise ModelError(f"the file is not a pickle: {error}.", remedy="Save the model again.") from None
    return sorted(found)


def check_globals(names: Iterable[Global], trust: Sequence[str], *, classes_from: Sequence[str] = ()) -> None:
    """Refuse globals that are neither on the allow-list, nor shipped as local source, nor trusted by the user.

    Args:
        names: The globals. What is in a module that is not imported yet is refused, see :func:`import_allowed`.
        trust: Patterns that the user trusts.
        classes_from: Further libraries whose classes may be named.

    Raises:
        ModelError: Names the refused globals and how to trust them.
    """
    refused = [
        ".".join(name) for name in names if not (_allowed(*name, classes_from) or matches(".".join(name), trust))
    ]
    if refused:
        raise ModelError(
            f"the pickled model names globals that are not on the allow-list: {', '.join(refused)}.",
            remedy=f"If you know them and trust them, say so: trust={refused!r} (patterns such as 'package.*' work).",
        )


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether the dotted ``name`` fits one of the shell-style ``patterns``."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def import_allowed(names: Iterable[Global]) -> None:
    """Import the modules of the libraries on the allow-list, whose classes can be judged then; nothing else."""
    for module in sorted({module for module, _ in names}):
        parts = module.split(".")
        if parts[0] in _CLASSES_FROM and not _is_in(module, _NEVER_FROM) and not _NO_LIBRARY.intersection(parts):
            with contextlib.suppress(ImportError):  # of another version: its names are refused
                importlib.import_module(module)


def _allowed(module: str, name: str, classes_from: Sequence[str]) -> bool:
    full = f"{module}.{name}"
    if module == "builtins":
        return name in _BUILTINS
    if full in _FUNCTIONS:
        return True
    if is_local(module):  # shipped as source; but not what that module only imported
        home = getattr(_resolve(module, name), "__module__", None)
        return isinstance(home, str) and is_local(home)
    libraries = (*_CLASSES_FROM, *classes_from)
    if module.split(".", maxsplit=1)[0] not in libraries:
        return False
    if name.startswith("__pyx_unpickle_") or name == "newObj":  # Cython's own constructors
        return True
    value = _resolve(module, name)
    if type(value).__name__ == "ufunc":
        return True
    home = str(getattr(value, "__module__", None))  # where it comes from, whatever module names it
    if isinstance(value, FunctionType | BuiltinFunctionType) or type(value).__name__ == "_ArrayFunctionDispatcher":
        return _is_in(module, _FUNCTIONS_FROM) and _is_in(home, _FUNCTIONS_FROM)
    if not isinstance(value, type) or full in ("numpy.memmap", "pandas.HDFStore", "pandas.ExcelFile"):
        return False
    return _is_in(home, libraries) and not (_is_in(home, _NEVER_FROM) or _is_in(module, _NEVER_FROM))


def _resolve(module: str, name: str) -> object:
    """The object, if its module is loaded; through classes only.

    "np.load" in an allowed module would be a way to anything that the module imports.
    """
    value: object = sys.modules.get(module)
    for place, part in enumerate(name.split(".")):
        if value is None or (place and not isinstance(value, type)):
            return None
        value = getattr(value, part, None)
    return value


def _is_in(module: str, places: Sequence[str]) -> bool:
    return any(module == place or module.startswith(place + ".") for place in places)
