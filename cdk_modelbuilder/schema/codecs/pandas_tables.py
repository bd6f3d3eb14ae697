"""pandas DataFrame and Series: names, order, dtypes and rows survive; JSON and CSV with a header."""

from __future__ import annotations

import csv
import io
from typing import Any, ClassVar

import pandas as pd

from .base import Codec, CodecError
from .json_text import read_json, write_json

# pandas 3 reads floats exactly by itself, and warns when it is asked to.
_EXACT_FLOATS: dict[str, Any] = {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}


class PandasCodec(Codec):
    """Tables with the sample's columns and dtypes.

    JSON is read in four shapes: ``{"columns": [...], "data": [[...]]}`` (native, with ``index`` where it is not the
    default one), ``{"instances": ...}``, a list of records, and a list of rows in the sample's column order.
    """

    name: ClassVar[str] = "pandas"
    content_types = ("application/json", "text/csv")

    @classmethod
    def describe(cls, sample: Any) -> dict[str, Any] | None:
        if isinstance(sample, pd.Series):
            column = sample.name
            return {"kind": "series", "columns": [_describe_column(column, sample)]}
        if not isinstance(sample, pd.DataFrame):
            return None
        if sample.columns.nlevels > 1 or not sample.columns.is_unique:
            raise CodecError("a DataFrame needs unique, single-level column names: rename the columns.")
        return {"kind": "frame", "columns": [_describe_column(name, sample[name]) for name in sample.columns]}

    @property
    def _names(self) -> list[Any]:
        return [column["name"] for column in self.spec["columns"]]

    def encode(self, value: Any, content_type: str) -> bytes:
        frame = self._as_frame(value)
        if content_type == "text/csv":
            named = None not in self._names  # a Series without a name has no header line
            # The writer quotes what holds a line feed, but not what holds a carriage return alone.
            odd = any("\r" in item for place in range(frame.shape[1]) for item in _texts(frame.iloc[:, place]))
            quoting = csv.QUOTE_NONNUMERIC if odd else csv.QUOTE_MINIMAL
            try:
                text = str(frame.to_csv(index=False, header=named, lineterminator="\n", quoting=quoting))
                return text.encode("utf-8")
            except UnicodeEncodeError:
                raise CodecError("the table holds a lone surrogate, which UTF-8 cannot write.") from None
        columns = [_plain_column(frame.iloc[:, place]) for place in range(frame.shape[1])]
        document: dict[str, Any] = {
            "columns": list(frame.columns),
            "data": [list(row) for row in zip(*columns)],  # noqa: B905 - Python 3.8
        }
        if not isinstance(frame.index, pd.RangeIndex):
            document["index"] = _plain_column(frame.index.to_series())
        return write_json(document)

    def decode(self, body: bytes, content_type: str) -> Any:
        frame = self._arrange(self._from_csv(body) if content_type == "text/csv" else self._from_json(read_json(body)))
        frame.columns = pd.Index(self._names)
        for column in self.spec["columns"]:
            try:
                frame[column["name"]] = _restore(frame[column["name"]], column)
            except CodecError:
                raise
            except Exception as error:  # noqa: BLE001 - pandas raises what it likes for values of odd types
                raise CodecError(f"column {column['name']!r} does not hold {column['dtype']}: {error}.") from None
        return frame.iloc[:, 0] if self.spec["kind"] == "series" else frame

    def difference(self, value: Any) -> str | None:
        if isinstance(value, pd.DataFrame):
            names, width = list(value.columns), value.shape[1]
        else:
            shape: tuple[int, ...] = getattr(value, "shape", None) or (len(value),)
            names, width = self._names, shape[1] if len(shape) > 1 else 1
        if width != len(self._names):
            return f"expected {len(self._names)} columns, got {width}."
        if set(names) != set(self._names):
            return _columns_text(self._names, names)
        return None

    def summary(self) -> str:
        kind = "Series" if self.spec["kind"] == "series" else f"DataFrame of {len(self._names)} columns"
        return f"pandas {kind}"

    def _as_frame(self, value: Any) -> Any:
        if isinstance(value, pd.Series):
            return value.to_frame(self._names[0])
        if isinstance(value, pd.DataFrame):
            return value
        try:
            return pd.DataFrame(value, columns=pd.Index(self._names, dtype=object))
        except ValueError as error:
            raise CodecError(f"the value does not fit the columns {self._names}: {error}.") from None

    def _from_csv(self, body: bytes) -> Any:
        texts = {str(column["name"]): str for column in self.spec["columns"] if _is_text(column)}
        missing = {
            str(column["name"]): [""] if _is_text(column) else ["", "nan", "NaN", "NA", "N/A", "null", "None", "<NA>"]
            for column in self.spec["columns"]
        }
        names = [str(name) for name in self._names]
        try:
            text = body.decode("utf-8-sig")
            rows = csv.reader(io.StringIO(text))
            first_row = next(rows)
            for row in (first_row, next(rows, None)):  # pandas would take a surplus column for an index
                if row and len(row) != len(names):
                    raise CodecError(f"expected {len(names)} columns, got {len(row)}.")
            shape = {"header": 0} if set(first_row) & set(names) else {"header": None, "names": names}
            return pd.read_csv(
                io.StringIO(text),
                dtype=texts,
                na_values=missing,
                keep_default_na=False,
                index_col=False,
                low_memory=False,
                **_EXACT_FLOATS,
                **shape,
            )
        except CodecError:
            raise
        except Exception as error:  # noqa: BLE001 - pandas' parser raises more than it documents
            raise CodecError(f"the body is not CSV in UTF-8: {error}.") from None

    def _from_json(self, value: Any) -> Any:
        if isinstance(value, dict) and "instances" in value:
            value = value["instances"]
        try:
            if isinstance(value, dict) and {"columns", "data"} <= set(value):
                index = value.get("index")
                if index is not None and len(index) != len(value["data"]):  # pandas would repeat a single row
                    raise ValueError(f"{len(index)} index entries for {len(value['data'])} rows")
                return pd.DataFrame(value["data"], columns=pd.Index(value["columns"], dtype=object), index=index)
            if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
                return pd.DataFrame(value)
            if isinstance(value, list):
                rows = [row if isinstance(row, list) else [row] for row in value]
                return pd.DataFrame(rows, columns=pd.Index(self._names, dtype=object))
        except Exception as error:  # noqa: BLE001 - pandas raises what it likes for values of odd types
            raise CodecError(f"the JSON is no table: {error}.") from None
        raise CodecError('expected {"columns": [...], "data": [[...]]}, a list of records, or a list of rows.')

    def _arrange(self, frame: Any) -> Any:
        by_text = {str(name): name for name in self._names}
        got = [by_text.get(str(name), str(name)) for name in frame.columns]
        frame.columns = pd.Index(got, dtype=object)
        if set(frame.columns) != set(self._names) or len(frame.columns) != len(self._names):
            raise CodecError(_columns_text(self._names, list(frame.columns)))
        return frame[self._names].copy()


def _describe_column(name: Any, column: Any) -> dict[str, Any]:
    if name is not None and not isinstance(name, (str, int)):
        raise CodecError(f"the column name {name!r} is neither text nor an integer: rename it.")
    dtype = column.dtype
    described: dict[str, Any] = {"name": name, "dtype": str(dtype), "kind": "object"}
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _plain_column(dtype.categories.to_series())
        if not all(isinstance(item, (str, int, float)) for item in dtype.categories):
            raise CodecError(f"the categories of column {name!r} are neither text nor numbers: convert them to text.")
        described.update(kind="category", categories=categories, ordered=bool(dtype.ordered))
    elif isinstance(dtype, pd.DatetimeTZDtype) or dtype.kind == "M":
        described["kind"] = "datetime"
    elif dtype.kind == "m":
        described["kind"] = "duration"
    elif dtype.kind in "biuf":
        described["kind"] = "number"
    elif pd.api.types.is_string_dtype(column):
        described["kind"] = "string"
    return described


def _plain_column(column: Any) -> list[Any]:
    if column.dtype.kind in "biuf" and not hasattr(column.dtype, "na_value"):
        return list(column.tolist())
    return [None if pd.isna(item) else _plain_item(item) for item in column.tolist()]


def _plain_item(item: Any) -> Any:
    return item.isoformat() if hasattr(item, "isoformat") else item


def _restore(column: Any, described: dict[str, Any]) -> Any:
    kind = described["kind"]
    if kind == "category":
        unknown = column[column.notna() & ~column.isin(described["categories"])]
        if len(unknown):
            raise ValueError(f"{unknown.iloc[0]!r} is none of its categories")
        return column.astype(pd.CategoricalDtype(described["categories"], described["ordered"]))
    if kind == "datetime":
        zoned = "," in described["dtype"]
        return pd.to_datetime(column, utc=zoned, format="ISO8601").astype(described["dtype"])
    if kind == "duration":
        return pd.to_timedelta(column).astype(described["dtype"])
    if kind == "number":
        if column.dtype.kind not in "biufO":
            raise TypeError(f"got {column.dtype}")
        return _cast(column, described["dtype"])
    if kind == "string":
        odd = [item for item in column[column.notna()] if not isinstance(item, str)]
        if odd:
            raise TypeError(f"{odd[0]!r} is not text")
        return column.astype(described["dtype"])
    return column


def _cast(column: Any, dtype: str) -> Any:
    cast = column.astype(dtype)
    if cast.dtype.kind in "biu" and column.dtype.kind in "biuf":
        other = column[(cast != column) & column.notna()]
        if len(other):
            raise ValueError(f"{other.iloc[0]} would become {cast[other.index[0]]}")
    return cast


def _is_text(described: dict[str, Any]) -> bool:
    if described["kind"] == "category":
        return all(isinstance(item, str) for item in described["categories"])
    return bool(described["kind"] == "string")


def _texts(column: Any) -> list[str]:
    return [item for item in column if isinstance(item, str)] if column.dtype.kind not in "biufcmM" else []


def _columns_text(expected: list[Any], got: list[Any]) -> str:
    missing = [name for name in expected if name not in got]
    extra = [name for name in got if name not in expected]
    parts = [f"missing: {missing}"] * bool(missing) + [f"unexpected: {extra}"] * bool(extra)
    return f"expected the columns {expected}; " + ("; ".join(parts) or "some come twice") + "."


CODEC = PandasCodec
