"""Arrays as JSON holds them, nested lists: taken apart, checked item by item, and described in JSON Schema.

In plain Python, for libraries that can do without NumPy; what loops over items runs in C.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .payload_errors import CodecError

WRAPPERS = ("instances", "inputs", "data")
"""Names under which clients of other servers send an array inside an object."""


class NumberKind(NamedTuple):
    """What the items of an array may be.

    Attributes:
        kind: ``b`` for truth values, ``i`` for whole numbers, ``f`` for others.
        low: The lowest finite number; ``high`` the highest.
        has_infinity: Whether infinities are among the values.
    """

    kind: str
    low: Any = 0
    high: Any = 1
    has_infinity: bool = False

    def values(self, items: List[Any]) -> List[Any]:
        """``items`` as bool, int or float. Raises CodecError for the first that is no value of this kind."""
        types = set(map(type, items))
        odd = types - {int, float, bool, type(None)}
        if odd:
            raise CodecError(f"expected {self}, got {_named(odd.pop())}.")
        if self.kind == "f":
            return self._floats(items, types)
        if type(None) in types:
            raise CodecError(f"expected {self}, got null.")
        if float in types and not all(map(float.is_integer, filter(_is_float, items))):
            fraction = next(item for item in items if _is_float(item) and not item.is_integer())
            raise CodecError(f"expected {self}, got {fraction}.")
        if items and (min(items) < self.low or max(items) > self.high):
            self._refuse(next(item for item in items if not self.low <= item <= self.high))
        if types <= {int if self.kind == "i" else bool}:
            return items
        return list(map(int if self.kind == "i" else bool, items))

    def _floats(self, items: List[Any], types: Any) -> List[Any]:
        if type(None) in types:
            items = [math.nan if item is None else item for item in items]
        if bool in types and self.low > 0:
            raise CodecError(f"expected {self}, got a truth value.")
        for item in items:
            # Written so that NaN, of which no comparison holds, passes.
            if (item > self.high or item < self.low) and not (
                self.has_infinity and _is_float(item) and math.isinf(item)
            ):
                self._refuse(item)
        return items if types <= {float} else list(map(float, items))

    def _refuse(self, item: Any) -> None:
        raise CodecError(f"expected {self}, got {str(item)[:40] if abs(item) < 1e300 else 'a larger one'}.")

    def __str__(self) -> str:
        if self.kind == "b":
            return "truth values"
        return f"{'whole numbers' if self.kind == 'i' else 'numbers'} from {self.low} to {self.high}"

    def schema(self) -> Dict[str, Any]:
        """JSON Schema of one item."""
        if self.kind == "b":
            return {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}]}
        types = ["integer"] if self.kind == "i" else ["number", "null"]
        if self.low <= 0:
            types.append("boolean")
        return {"type": types, "minimum": self.low, "maximum": self.high}


FLOAT32 = NumberKind("f", -3.4028235e38, 3.4028235e38, has_infinity=True)
"""The largest number in the fewest digits, which is how it is written; as 64 bits it is a little larger than it is."""


def whole_numbers(bits: int, *, signed: bool) -> NumberKind:
    """The integers of so many bits."""
    return NumberKind("i", -(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else NumberKind("i", 0, (1 << bits) - 1)


def flatten(plain: Any, shape: Sequence[Optional[int]]) -> Tuple[List[Any], Tuple[int, ...]]:
    """The items of nested lists in C order, and their shape, which fits ``shape`` (None: any size).

    Raises CodecError. An axis that an empty one outside it hides has the size that ``shape`` says.
    """
    level = [plain]
    sizes: List[int] = []
    for axis, wanted in enumerate(shape):
        odd = set(map(type, level)) - {list}
        if odd:
            raise CodecError(f"expected an array of shape {shape_text(shape)}, got {_named(odd.pop())} on axis {axis}.")
        lengths = set(map(len, level)) or {wanted or 0}
        if len(lengths) > 1:
            some = " and ".join(map(str, sorted(lengths)[:2]))
            raise CodecError(
                f"expected an array of shape {shape_text(shape)}, got lists of {some} items on axis {axis}."
            )
        size = lengths.pop()
        if wanted is not None and size != wanted:
            got = shape_text((*sizes, size)) + (" and more axes" if axis + 1 < len(shape) else "")
            raise CodecError(f"expected an array of shape {shape_text(shape)}, got {got}.")
        sizes.append(size)
        level = list(chain.from_iterable(level))
    return level, tuple(sizes)


def nested_schema(item: Dict[str, Any], shape: Sequence[Optional[int]]) -> Dict[str, Any]:
    """JSON Schema of nested lists of ``item`` in ``shape`` (None: any size)."""
    for size in reversed(shape):
        item = {"type": "array", "items": item}
        if size is not None:
            item.update(minItems=size, maxItems=size)
    return item


def unwrap(plain: Any) -> Any:
    """``plain``, or what it holds under one of :data:`WRAPPERS`. Raises CodecError for any other object."""
    if not isinstance(plain, dict):
        return plain
    found = [name for name in WRAPPERS if name in plain]
    if len(found) != 1:
        raise CodecError(f"expected a JSON array, or an object with exactly one of {', '.join(WRAPPERS)}.")
    return plain[found[0]]


def wrapped_schema(schema: Dict[str, Any]) -> Dict[str, Any]:
    """JSON Schema of what :func:`unwrap` takes for ``schema``."""
    others: Dict[str, Any] = dict.fromkeys(WRAPPERS, False)
    wrapped = ({"type": "object", "properties": {**others, name: schema}, "required": [name]} for name in WRAPPERS)
    return {"anyOf": [schema, *wrapped]}


def fits(wanted: Sequence[Optional[int]], shape: Sequence[int]) -> bool:
    """Whether ``shape`` is one of those that ``wanted`` means (None: any size)."""
    pairs = zip(wanted, shape)  # noqa: B905 - Python 3.8
    return len(wanted) == len(shape) and all(want is None or want == got for want, got in pairs)


def shape_text(shape: Sequence[Optional[int]]) -> str:
    """A shape for people.

    >>> shape_text([None, 3])
    '(*, 3)'
    """
    sizes = ["*" if size is None else str(size) for size in shape]
    return "(" + ", ".join(sizes) + ("," if len(sizes) == 1 else "") + ")"


def sample_shape(shape: Sequence[int]) -> List[Optional[int]]:
    """The shape of a sample in a spec. Which axes are free is put in later, for all codecs alike."""
    return list(shape)


def _is_float(item: Any) -> bool:
    return type(item) is float


def _named(kind: Any) -> str:
    names = {str: "text", list: "an array", dict: "an object", type(None): "null", bool: "a truth value"}
    return names.get(kind, "a number" if kind in (int, float) else f"a {kind.__name__}")
