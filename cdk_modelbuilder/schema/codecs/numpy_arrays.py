"""NumPy arrays and scalars: ``.npy`` exactly, JSON and CSV as far as they go. Never through pickle."""

from __future__ import annotations

import base64
import binascii
import csv
import io
from typing import Any, ClassVar, Dict, Optional

import numpy as np

from .base import JSON, Codec
from .exact_cast import exact_cast, unchanged
from .json_text import read_json, write_array, write_json
from .nested_numbers import fits, nested_schema, sample_shape, shape_text, unwrap, wrapped_schema
from .npy_format import CONTENT_TYPE as NPY
from .npy_format import read_npy, write_npy
from .number_schema import number_schema
from .numpy_times import times_from_plain, times_schema, times_to_plain
from .payload_errors import CodecError
from .rows_text import array_from_csv, array_rows, rows_as_csv

CSV = "text/csv"
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}


class NumpyCodec(Codec):
    """Arrays with the sample's dtype and shape; the first axis, the batch, is free."""

    name: ClassVar[str] = "numpy"
    library: ClassVar[Optional[str]] = "numpy"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        if spec["dtype"] == "StringDType":
            self.dtype: Any = np.dtypes.StringDType()  # type: ignore[attr-defined, unused-ignore]
        else:
            self.dtype = np.lib.format.descr_to_dtype(_descr(spec["dtype"]))
        types = [JSON] if self.dtype.kind == "T" else [NPY, JSON]
        if self._has_numbers_or_text and len(spec["shape"]) in (1, 2):
            types.append(CSV)
        self.content_types = tuple(types)

    @property
    def _has_numbers_or_text(self) -> bool:
        return self.dtype.kind in "biuUST" or (self.dtype.kind == "f" and self.dtype.itemsize <= 8)

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        if not isinstance(sample, (np.ndarray, np.generic)):
            return None
        _refuse_mask(sample)
        string_type = sample.dtype.kind == "T"
        if sample.dtype.hasobject and not string_type:
            raise CodecError(
                "a NumPy array of Python objects can only be sent by pickling it, which is never done. Give a sample "
                "of a fixed dtype (for text: array.astype(str)), a DataFrame, or a list."
            )
        return {
            "dtype": "StringDType" if string_type else np.lib.format.dtype_to_descr(sample.dtype),
            "shape": sample_shape(sample.shape),
            "scalar": isinstance(sample, np.generic),
        }

    def encode(self, value: Any, content_type: str) -> Any:
        if content_type == JSON:
            array = self._without_objects(_as_array(value))
            return (write_array(array) if self._has_numbers_or_text else None) or write_json(self.to_plain(array))
        array = self._without_objects(_as_array(value))
        if content_type == NPY:
            return write_npy(array)
        if array.ndim > 2:
            raise CodecError(f"an array of {array.ndim} axes has no CSV form; ask for application/json.")
        fast = array_rows(array) if array.ndim == 2 and array.size and array.dtype.kind in "iuf" else None
        if fast is not None:
            return rows_as_csv(fast, b"nan")
        text = io.StringIO()
        rows = _without_bytes(array.reshape(-1, 1) if array.ndim < 2 else array).tolist()
        odd = array.dtype.kind in "UST" and any("\r" in cell for row in rows for cell in row)
        # The writer quotes what holds a line feed, but not what holds a carriage return alone.
        csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL).writerows(rows)
        try:
            return text.getvalue().encode("utf-8")
        except UnicodeEncodeError:
            raise CodecError("the array holds a lone surrogate, which UTF-8 cannot write.") from None

    def decode(self, body: Any, content_type: str) -> Any:
        if content_type == NPY:
            return self._fitted(read_npy(body))
        if content_type == JSON:
            return self.from_plain(read_json(body))
        header = getattr(content_type, "parameters", {}).get("header", "")
        return self._fitted(self._from_csv(bytes(body), header))

    def to_plain(self, value: Any) -> Any:
        array = self._without_objects(_as_array(value))
        if self._has_numbers_or_text:
            return _without_bytes(array).tolist()
        if array.dtype.kind in "Mm":
            return times_to_plain(array)
        if array.dtype.kind == "c" and array.dtype.itemsize <= 16:
            return np.stack((array.real, array.imag), axis=-1).tolist()
        return base64.b64encode(write_npy(array)).decode("ascii")

    def from_plain(self, plain: Any) -> Any:
        return self._fitted(self._from_plain(unwrap(plain)))

    def difference(self, value: Any) -> Optional[str]:
        array = self._without_objects(_as_array(value))
        shape = self.spec["shape"]
        if not fits(shape, array.shape):
            return f"expected an array of shape {shape_text(shape)}, got {shape_text(array.shape)}."
        if not _castable(array.dtype, self.dtype):
            return f"expected dtype {self.dtype}, got {array.dtype}."
        if array.dtype.kind == "f" and self.dtype.kind in "iu":
            parts = array[array != np.floor(array)]  # NaN too
            return f"{parts.flat[0]} is not a value of {self.dtype}." if parts.size else None
        return None

    def summary(self) -> str:
        if self.spec["scalar"]:
            return f"NumPy {self.dtype} scalar"
        return f"NumPy array {shape_text(self.spec['shape'])} {self.dtype}"

    def json_schema(self) -> Dict[str, Any]:
        kind = self.dtype.kind
        if kind in "biufUST" and self._has_numbers_or_text:
            item: Dict[str, Any] = number_schema(kind, self.dtype.itemsize)
        elif kind in "Mm":
            item = times_schema(self.dtype)
        elif kind == "c" and self.dtype.itemsize <= 16:
            part = number_schema("f", self.dtype.itemsize // 2)
            item = {"type": "array", "items": part, "minItems": 2, "maxItems": 2, "description": "[real, imaginary]"}
        else:
            return {"type": "string", "contentEncoding": "base64", "contentMediaType": NPY}
        whole = nested_schema(item, self.spec["shape"])
        return whole if self.spec["scalar"] else wrapped_schema(whole)

    def example(self) -> Any:
        shape = [1 if size is None else size for size in self.spec["shape"]]
        array = np.zeros(shape, self.dtype)
        return array[()] if self.spec["scalar"] else array

    def _fitted(self, array: Any) -> Any:
        found = self.difference(array)
        if found:
            raise CodecError(found)
        if array.dtype != self.dtype and array.dtype.kind not in "US":
            array = exact_cast(array, self.dtype)
        return array[()] if self.spec["scalar"] else array

    def _without_objects(self, array: Any) -> Any:
        # Classifiers keep text labels as objects; text they are all the same.
        if array.dtype.kind == "O" and self.dtype.kind in "UT" and all(isinstance(item, str) for item in array.flat):
            return array.astype(str if self.dtype.kind == "U" else self.dtype)
        return array

    def _from_plain(self, value: Any) -> Any:
        kind = self.dtype.kind
        rest = self.spec["shape"][1:]
        if value == [] and None not in rest:
            return np.zeros((0, *rest), self.dtype)  # [] says nothing about the other axes
        try:
            if kind in "UST":
                return self._from_text(value)
            if kind in "Mm":
                return times_from_plain(value, self.dtype)
            if kind == "c" and self.dtype.itemsize <= 16:
                pairs = _as_numbers(value, np.dtype(f"f{self.dtype.itemsize // 2}"))
                if pairs.shape[-1:] != (2,):
                    raise CodecError("expected complex numbers as pairs [real, imaginary].")
                return np.ascontiguousarray(pairs).view(f"c{self.dtype.itemsize}")[..., 0]
            if not self._has_numbers_or_text:
                if not isinstance(value, str):
                    raise CodecError(f"expected a .npy array of {self.dtype} as text in base64.")
                return read_npy(base64.b64decode(value, validate=True))
            return _as_numbers(value, self.dtype)
        except CodecError:
            raise
        except (TypeError, ValueError, OverflowError, binascii.Error, RuntimeError) as error:  # also of over 32 axes
            raise CodecError(f"the JSON is no regular array of {self.dtype}: {error}.") from None

    def _from_csv(self, body: bytes, header: str) -> Any:
        fast = array_from_csv(body, header, self.dtype.kind)
        if fast is not None:
            return exact_cast(fast.ravel() if len(self.spec["shape"]) == 1 and 1 in fast.shape else fast, self.dtype)
        try:
            rows = [row for row in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise CodecError(f"the body is not CSV in UTF-8: {error}.") from None
        numeric = self.dtype.kind not in "UST"
        if rows and (header == "present" or (header != "absent" and numeric and not any(map(_is_number, rows[0])))):
            rows = rows[1:]
        if not rows:
            raise CodecError("the CSV has no row.")
        if len({len(row) for row in rows}) > 1:
            raise CodecError("the CSV's rows are of different lengths.")
        try:
            if self.dtype.kind == "b":
                array = np.asarray([[_TRUTHS[cell.strip().lower()] for cell in row] for row in rows])
            elif numeric:
                read: Any = float if self.dtype.kind == "f" else _whole
                cells = [[read(cell if cell.strip() else "nan") for cell in row] for row in rows]
                array = unchanged(np.asarray(cells), _rounded(cells, self.dtype))
            else:
                array = self._from_text(rows)
        except KeyError as error:
            raise CodecError(f"the CSV does not hold truth values: {error} is neither true nor false.") from None
        except (ValueError, OverflowError) as error:
            raise CodecError(f"the CSV does not hold {self.dtype}: {error}.") from None
        flat = len(self.spec["shape"]) == 1
        return array.ravel() if flat and 1 in array.shape else array

    def _from_text(self, value: Any) -> Any:
        array = np.asarray(value, dtype=object)
        if not all(isinstance(item, str) for item in array.flat):
            raise CodecError(f"expected text in a regular array of shape {shape_text(self.spec['shape'])}.")
        if array.size and max(map(len, array.flat)) * array.size > MAX_TEXT_ITEMS + 4 * sum(map(len, array.flat)):
            raise CodecError("the texts are of too different lengths for a NumPy array; send a DataFrame or a list.")
        if self.dtype.kind == "T":
            return array.astype(self.dtype)
        array = array.astype("U")
        if self.dtype.kind == "U":
            return array
        try:
            return np.char.encode(array, "latin-1")
        except UnicodeEncodeError:
            raise CodecError("the text holds characters beyond Latin-1, which a bytes array cannot take.") from None


def _as_numbers(value: Any, dtype: Any) -> Any:
    """Nested lists as an array of ``dtype``; None is NaN. No number becomes another one, and no text a number."""
    array = np.asarray(value)
    if array.dtype.kind in "US":
        raise CodecError(f"expected numbers ({dtype}), got text.")
    allowed = (bool, int, float) if dtype.kind in "biu" else (bool, int, float, type(None))
    if array.dtype.kind == "O" and not all(isinstance(item, allowed) for item in array.flat):
        raise CodecError(f"expected numbers ({dtype}) in a regular array, got something else among them.")
    if array.dtype.kind != "O" and (array.dtype.kind != "f" or dtype.kind == "f"):
        return exact_cast(array, dtype)
    # From the list, not from `array`: NumPy reads a list of small and very large integers as floats.
    return unchanged(array, _rounded(value, dtype).reshape(array.shape))


def _rounded(value: Any, dtype: Any) -> Any:
    with np.errstate(over="ignore"):  # what has become an infinity is found later
        return np.asarray(value, dtype=dtype)


MAX_TEXT_ITEMS = 16 << 20
"""Characters that padding may add: NumPy makes every item of an array as long as the longest."""


def _castable(source: Any, target: Any) -> bool:
    if target.kind in "UST":  # NumPy would write numbers out as text
        return source.kind == target.kind or {source.kind, target.kind} == {"U", "T"}
    if target.kind == "V":  # NumPy would fit fields to each other by their place
        return bool(source == target)
    if source.kind in "iuf" and target.kind in "iu":  # each value is looked at later
        return True
    return bool(np.can_cast(source, target, casting="same_kind"))


def _refuse_mask(value: Any) -> None:
    if isinstance(value, np.ma.MaskedArray):
        raise CodecError("a masked array would lose its mask: send array.filled(value), for example with NaN.")


def _as_array(value: Any) -> Any:
    _refuse_mask(value)
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CodecError(f"the value is no regular array: {error}.") from None


def _whole(cell: str) -> Any:
    try:
        return int(cell)
    except ValueError:
        number = float(cell)  # 1.0 is a whole number too, and 1.5 is refused with its name
        return int(number) if number.is_integer() else number


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return cell.strip().lower() in _TRUTHS
    return True


def _without_bytes(array: Any) -> Any:
    return np.char.decode(array, "latin-1") if array.dtype.kind == "S" else array


def _descr(plain: Any) -> Any:
    # JSON has no tuples, but a structured dtype's description needs them.
    # A field is [name, type] or [name, type, shape]; the name is [title, name] where it has a title.
    if isinstance(plain, str):
        return plain
    return [(_tuple(name), _descr(inner), *map(tuple, shape)) for name, inner, *shape in plain]


def _tuple(name: Any) -> Any:
    return name if isinstance(name, str) else tuple(name)


CODEC = NumpyCodec
