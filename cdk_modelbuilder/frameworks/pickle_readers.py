"""Readers of pickles that look up nothing, or only what they are told; both read the arrays of joblib on the way.

joblib writes the bytes of an array between the opcodes of a pickle: after the state of a ``NumpyArrayWrapper`` come,
for arrays of objects, another pickle; for others a byte that counts the padding, the padding, and the array
(``joblib/numpy_pickle.py`` in https://github.com/joblib/joblib).
"""

from __future__ import annotations

import _compat_pickle
import math
import pickle
from collections.abc import Callable
from typing import IO, Any

from cdk_modelbuilder.frameworks.pickles import Global

ARRAY_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_DTYPE = ("numpy", "dtype")
_PythonUnpickler: Any = pickle._Unpickler  # noqa: SLF001 - that in C has no hook for arrays


def _modern(module: str, name: str, protocol: int) -> Global:
    """Protocols 0 to 2 have the names of Python 2."""
    if protocol >= 3:
        return module, name
    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


class _ArrayInFile:
    """Stands for joblib's NumpyArrayWrapper, and reads the array that follows it."""

    shape: tuple[int, ...]
    order: str
    dtype: Any

    def read(self, stream: IO[bytes], nested: Callable[[], Any]) -> Any:
        import numpy as np  # noqa: PLC0415 - there, as the dtype shows

        if self.dtype.hasobject:
            return nested()
        if vars(self).get("numpy_array_alignment_bytes") is not None:
            stream.read(stream.read(1)[0])
        size = math.prod(self.shape) * self.dtype.itemsize
        data = stream.read(size)
        if len(data) != size:
            raise EOFError("an array is cut short")
        array = np.frombuffer(bytearray(data), self.dtype)
        return array.reshape(self.shape[::-1]).T if self.order == "F" else array.reshape(self.shape)


class ArrayReader(_PythonUnpickler):  # type: ignore[misc]  # typeshed does not know all of it
    """Reads arrays of joblib on the way, and looks up nothing but ``names``."""

    dispatch: Any = dict(_PythonUnpickler.dispatch)  # noqa: RUF012 - the base has it so

    def __init__(self, stream: IO[bytes], names: Any) -> None:
        super().__init__(stream, fix_imports=False)
        self.stream, self.names = stream, names

    def find_class(self, module: str, name: str) -> Any:
        known = _modern(module, name, self.proto)
        return _ArrayInFile if known == ARRAY_WRAPPER else _look_up(super().find_class, known, self.names)

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError(
            f"it names an object by the number {code} of copyreg, which depends on the process"
        )

    def load_build(self) -> None:
        super().load_build()
        if isinstance(self.stack[-1], _ArrayInFile):
            wrapper = self.stack.pop()
            self.stack.append(wrapper.read(self.stream, lambda: type(self)(self.stream, self.names).load()))

    dispatch[pickle.BUILD[0]] = load_build


class Survey(ArrayReader):
    """Looks up nothing at all; ``names`` gets every name."""

    def find_class(self, module: str, name: str) -> Any:
        known = _modern(module, name, self.proto)
        self.names.add(known)
        if known == ARRAY_WRAPPER:
            return _ArrayInFile
        if known == _DTYPE:  # tells how long an array is
            import numpy as np  # noqa: PLC0415 - only where a pickle names it

            return np.dtype
        return type(name, (_StandIn,), {"stands_for": known})


class Reader(pickle.Unpickler):
    """The same without arrays of joblib, in C."""

    def __init__(self, stream: IO[bytes], names: frozenset[Global]) -> None:
        super().__init__(stream, fix_imports=True)
        self.names = names

    def find_class(self, module: str, name: str) -> Any:
        # The mapping of old names is done by the method of the base, which knows the protocol.
        old = {(module, name), _modern(module, name, 0)}
        if not old & self.names:
            raise pickle.UnpicklingError(f"{module}.{name} turned up only when the file was loaded")
        return super().find_class(module, name)


class _StandIn:
    """In the place of an object: takes what the opcodes do to one, and does nothing."""

    stands_for: Global

    def __new__(cls, *arguments: Any, **_: Any) -> Any:
        if cls.stands_for in (("copyreg", "_reconstructor"), ("copyreg", "__newobj__")) and arguments:
            made = arguments[0]
            return object.__new__(made) if isinstance(made, type) and issubclass(made, _StandIn) else None
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> _StandIn:
        return self

    def append(self, *_: Any) -> None:
        pass

    extend = add = append


def _look_up(find: Callable[[str, str], Any], name: Global, names: frozenset[Global]) -> Any:
    if name not in names:
        raise pickle.UnpicklingError(f"{'.'.join(name)} turned up only when the file was loaded")
    return find(*name)
