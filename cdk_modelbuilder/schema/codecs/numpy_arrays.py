"""NumPy arrays and scalars: ``.npy`` exactly, JSON and CSV as far as they go. Never through pickle."""

from __future__ import annotations

import csv
import io
from typing import Any, ClassVar

import numpy as np

from .base import Codec, CodecError
from .json_text import read_json, write_json

_WRAPPERS = ("instances", "inputs", "data")
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}


class NumpyCodec(Codec):
    """Arrays with the sample's dtype and shape; the first axis, the batch, is free."""

    name: ClassVar[str] = "numpy"

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec)
        self.dtype = np.lib.format.descr_to_dtype(_descr(spec["dtype"]))
        types = ["application/x-npy"]
        wide = self.dtype.kind == "f" and self.dtype.itemsize > 8  # long doubles have no JSON form
        if self.dtype.kind in "biufUS" and not wide:
            types.append("application/json")
            if len(spec["shape"]) in (1, 2):
                types.append("text/csv")
        self.content_types = tuple(types)

    @classmethod
    def describe(cls, sample: Any) -> dict[str, Any] | None:
        if not isinstance(sample, (np.ndarray, np.generic)):
            return None
        if sample.dtype.hasobject:
            raise CodecError(
                "a NumPy array of Python objects can only be sent by pickling it, which is never done. Give a sample "
                "of a fixed dtype (for text: array.astype(str)), a DataFrame, or a list."
            )
        shape: list[int | None] = list(sample.shape)
        if shape:
            shape[0] = None
        return {
            "dtype": np.lib.format.dtype_to_descr(sample.dtype),
            "shape": shape,
            "scalar": isinstance(sample, np.generic),
        }

    def encode(self, value: Any, content_type: str) -> bytes:
        array = self._without_objects(_as_array(value))
        if content_type == "application/x-npy":
            if array.dtype.hasobject:
                raise CodecError("an array of Python objects cannot be sent: give it a fixed dtype.")
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            return buffer.getvalue()
        if content_type == "application/json":
            return write_json(_without_bytes(array).tolist())
        if array.ndim > 2:
            raise CodecError(f"an array of {array.ndim} axes has no CSV form; ask for application/json.")
        text = io.StringIO()
        rows = _without_bytes(array.reshape(-1, 1) if array.ndim < 2 else array).tolist()
        odd = array.dtype.kind in "US" and any("\r" in cell for row in rows for cell in row)
        # The writer quotes what holds a line feed, but not what holds a carriage return alone.
        csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL).writerows(rows)
        return text.getvalue().encode("utf-8")

    def decode(self, body: bytes, content_type: str) -> Any:
        if content_type == "application/x-npy":
            array = _read_npy(body)
        elif content_type == "application/json":
            array = self._from_lists(_unwrap(read_json(body)))
        else:
            array = self._from_csv(body)
        found = self.difference(array)
        if found:
            raise CodecError(found)
        if array.dtype != self.dtype and array.dtype.kind not in "US":
            array = _cast(array, self.dtype)
        return array[()] if self.spec["scalar"] else array

    def difference(self, value: Any) -> str | None:
        array = self._without_objects(_as_array(value))
        shape = self.spec["shape"]
        same = array.ndim == len(shape) and all(
            want is None or want == got
            for want, got in zip(shape, array.shape)  # noqa: B905 - Python 3.8
        )
        if not same:
            return f"expected an array of shape {_shape_text(shape)}, got {_shape_text(array.shape)}."
        if array.dtype.kind != self.dtype.kind and not _castable(array.dtype, self.dtype):
            return f"expected dtype {self.dtype}, got {array.dtype}."
        return None

    def summary(self) -> str:
        if self.spec["scalar"]:
            return f"NumPy {self.dtype} scalar"
        return f"NumPy array {_shape_text(self.spec['shape'])} {self.dtype}"

    def _without_objects(self, array: Any) -> Any:
        # Classifiers keep text labels as objects; text they are all the same.
        if array.dtype.hasobject and self.dtype.kind == "U" and all(isinstance(item, str) for item in array.flat):
            return array.astype(str)
        return array

    def _from_lists(self, value: Any) -> Any:
        try:
            if self.dtype.kind in "US":
                return self._from_text(np.asarray(value, dtype="U"))
            array = np.asarray(value)
            if array.dtype.kind in "US":
                raise CodecError(f"expected numbers ({self.dtype}), got text.")
            rest = self.spec["shape"][1:]
            if array.shape == (0,) and rest and None not in rest:
                array = array.reshape(0, *rest)  # [] says nothing about the other axes
            # From the list, not from `array`: NumPy reads a list of small and very large integers as floats.
            return _unchanged(array, np.asarray(value, dtype=self.dtype).reshape(array.shape))
        except CodecError:
            raise
        except (TypeError, ValueError, OverflowError) as error:
            raise CodecError(f"the JSON is no regular array of {self.dtype}: {error}.") from None

    def _from_csv(self, body: bytes) -> Any:
        try:
            rows = [row for row in csv.reader(io.StringIO(body.decode("utf-8-sig"))) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise CodecError(f"the body is not CSV in UTF-8: {error}.") from None
        numeric = self.dtype.kind not in "US"
        if numeric and rows and not any(map(_is_number, rows[0])):
            rows = rows[1:]  # a header line
        if not rows:
            raise CodecError("the CSV has no row.")
        if len({len(row) for row in rows}) > 1:
            raise CodecError("the CSV's rows are of different lengths.")
        try:
            if self.dtype.kind == "b":
                array = np.asarray([[_TRUTHS[cell.strip().lower()] for cell in row] for row in rows])
            elif numeric:
                values = [["nan" if cell.strip() == "" else cell for cell in row] for row in rows]
                array = np.asarray(values, dtype="U").astype(self.dtype)
            else:
                array = self._from_text(np.asarray(rows, dtype="U"))
        except KeyError as error:
            raise CodecError(f"the CSV does not hold truth values: {error} is neither true nor false.") from None
        except (ValueError, OverflowError) as error:
            raise CodecError(f"the CSV does not hold {self.dtype}: {error}.") from None
        flat = len(self.spec["shape"]) == 1
        return array.ravel() if flat and 1 in array.shape else array

    def _from_text(self, array: Any) -> Any:
        if self.dtype.kind == "U":
            return array
        try:
            return np.char.encode(array, "latin-1")
        except UnicodeEncodeError:
            raise CodecError("the text holds characters beyond Latin-1, which a bytes array cannot take.") from None


def _read_npy(body: bytes) -> Any:
    if not body.startswith(b"\x93NUMPY"):  # anything else makes NumPy offer to unpickle it
        raise CodecError("the body is not a .npy array: it does not begin with its magic number.")
    try:
        return np.load(io.BytesIO(body), allow_pickle=False)
    except Exception as error:  # noqa: BLE001 - its parser of headers raises whatever Python's own parser does
        raise CodecError(f"the body is not a .npy array: {error}.") from None


def _unwrap(value: Any) -> Any:
    if isinstance(value, dict):
        for name in _WRAPPERS:
            if name in value:
                return value[name]
        raise CodecError(f"expected a JSON array, or an object with one of {', '.join(_WRAPPERS)}.")
    return value


def _castable(source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    if target.kind in "US":  # NumPy would write numbers out as text
        return source.kind in "US"
    return bool(np.can_cast(source, target, casting="same_kind"))


def _as_array(value: Any) -> Any:
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise CodecError(f"the value is no regular array: {error}.") from None


def _cast(array: Any, dtype: np.dtype[Any]) -> Any:
    with np.errstate(all="ignore"):
        cast = array.astype(dtype)
    return _unchanged(array, cast)


def _unchanged(array: Any, cast: Any) -> Any:
    """``cast``; CodecError where a whole number or a truth value of ``array`` became another one in it."""
    if cast.dtype.kind in "biu" and array.dtype.kind in "biuf":
        other = cast != array
        if other.any():
            raise CodecError(f"{array[other].flat[0]} is not a value of {cast.dtype}.")
    return cast


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return cell.strip().lower() in _TRUTHS
    return True


def _without_bytes(array: Any) -> Any:
    return np.char.decode(array, "latin-1") if array.dtype.kind == "S" else array


def _shape_text(shape: Any) -> str:
    return (
        "(" + ", ".join("*" if size is None else str(size) for size in shape) + ("," if len(shape) == 1 else "") + ")"
    )


def _descr(plain: Any) -> Any:
    # JSON has no tuples, but a structured dtype's description needs them.
    # A field is [name, type] or [name, type, shape]; the name is [title, name] where it has a title.
    if isinstance(plain, str):
        return plain
    return [(_tuple(name), _descr(inner), *map(tuple, shape)) for name, inner, *shape in plain]


def _tuple(name: Any) -> Any:
    return name if isinstance(name, str) else tuple(name)


CODEC = NumpyCodec
