"""pandas DataFrame and Series: names, order, dtypes, index and rows survive. Arrow natively; JSON, CSV, Parquet."""

from __future__ import annotations

import csv
import io
from typing import Any, ClassVar, Dict, List, Optional

import numpy as np
import pandas as pd

from .base import JSON, Codec
from .column_copies import in_one_piece
from .json_text import read_json, write_json
from .pandas_columns import column_schema, describe_column, example_values, in_whole_minutes, plain_values, restored
from .payload_errors import CodecError
from .rows_text import NUMBERS, WITH_ALL_DIGITS, frame_rows, rows_as_csv
from .table_json import names_text, read_table_json, table_schema, write_table_json

CSV = "text/csv"
ARROW_STREAM = "application/vnd.apache.arrow.stream"
_ARROW_TYPES = (ARROW_STREAM, "application/vnd.apache.arrow.file", "application/vnd.apache.parquet")
_MISSING_NUMBERS = ["", "nan", "NaN", "NA", "N/A", "null", "None", "<NA>"]
_INDEX_NAME = "__index_level_{}__"

# pandas 3 reads floats exactly by itself, and warns when it is asked to.
_EXACT_FLOATS: Dict[str, Any] = {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}


class PandasCodec(Codec):
    """Tables with the sample's columns and dtypes; rows are free, and columns may come in another order."""

    name: ClassVar[str] = "pandas"
    library: ClassVar[Optional[str]] = "pandas"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self._columns: List[Dict[str, Any]] = spec["columns"]
        self._texts = ["" if column["name"] is None else str(column["name"]) for column in self._columns]
        by_arrow = all(column["kind"] != "object" for column in [*self._columns, *spec["index"]])
        by_csv = all(column["kind"] not in ("object", "complex") for column in self._columns)
        arrow, others = (_ARROW_TYPES[:1], _ARROW_TYPES[1:]) if by_arrow else ((), ())
        self.content_types = (*arrow, JSON, *((CSV,) if by_csv else ()), *others)

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        if isinstance(sample, pd.Series):
            return _described("series", [describe_column(sample.name, sample)], sample.index)
        if not isinstance(sample, pd.DataFrame):
            return None
        if sample.columns.nlevels > 1 or not sample.columns.astype(str).is_unique:
            raise CodecError("a DataFrame needs unique, single-level column names: rename the columns.")
        columns = [describe_column(name, sample.iloc[:, place]) for place, name in enumerate(sample.columns)]
        return _described("frame", columns, sample.index)

    @property
    def _names(self) -> List[Any]:
        return [column["name"] for column in self._columns]

    def needs(self, content_type: str) -> Optional[str]:
        return "pyarrow" if content_type in _ARROW_TYPES else None

    def encode(self, value: Any, content_type: str) -> Any:
        if content_type == JSON:
            return self._to_json(self._as_frame(value))
        frame = self._as_frame(value)
        return self._to_csv(frame) if content_type == CSV else self._to_arrow(frame, content_type)

    def decode(self, body: Any, content_type: str) -> Any:
        if content_type == JSON:
            return self.from_plain(read_json(body))
        if content_type == CSV:
            frame = self._from_csv(bytes(body), getattr(content_type, "parameters", {}).get("header", ""))
            arrays = [restored(_values(frame.iloc[:, at]), column) for at, column in enumerate(self._columns)]
            return self._built(arrays, len(frame), None)
        return self._from_arrow(body, content_type)

    def to_plain(self, value: Any) -> Any:
        frame = self._as_frame(value)
        columns = [plain_values(frame.iloc[:, place]) for place in range(frame.shape[1])]
        return write_table_json(list(frame.columns), columns, _plain_index(frame.index))

    def from_plain(self, plain: Any) -> Any:
        table = read_table_json(plain, self._texts)
        arrays = [restored(table.columns[text], column) for text, column in zip(self._texts, self._columns)]  # noqa: B905
        return self._built(arrays, table.rows, self._index_from_plain(table.index))

    def difference(self, value: Any) -> Optional[str]:
        if isinstance(value, pd.DataFrame):
            names, width = list(value.columns), value.shape[1]
        else:
            shape: Any = getattr(value, "shape", None) or ((len(value),) if hasattr(value, "__len__") else ())
            if not shape or isinstance(value, (str, bytes, dict)):
                return f"expected a {self.summary()}, got a {type(value).__name__}."
            names, width = self._names, shape[1] if len(shape) > 1 else 1
        if width != len(self._names) and not isinstance(value, pd.DataFrame):
            return f"expected {len(self._names)} columns, got {width}."
        if set(names) != set(self._names) or width != len(self._names):
            return names_text(self._names, names)
        return None

    def summary(self) -> str:
        if self.spec["kind"] == "series":
            return "pandas Series"
        columns = ", ".join(f"{column['name']} {column['dtype']}" for column in self._columns[:6])
        more = f", ... {len(self._columns)} columns" if len(self._columns) > 6 else ""
        return f"pandas DataFrame ({columns}{more})"

    def json_schema(self) -> Dict[str, Any]:
        schemas = {text: column_schema(column) for text, column in zip(self._texts, self._columns)}  # noqa: B905
        return table_schema(schemas)

    def example(self) -> Any:
        return self._built([restored(example_values(column), column) for column in self._columns], 1, None)

    def _as_frame(self, value: Any) -> Any:
        if isinstance(value, pd.Series):
            frame = value.to_frame(self._names[0])
        elif isinstance(value, pd.DataFrame):
            frame = value
        else:
            try:
                frame = pd.DataFrame(value, columns=pd.Index(self._names, dtype=object))
            except (ValueError, TypeError) as error:
                raise CodecError(f"the value does not fit the columns {self._names}: {error}.") from None
        found = self.difference(frame)
        if found:
            raise CodecError(found)
        return frame if list(frame.columns) == self._names else frame[self._names]

    def _built(self, arrays: List[Any], rows: int, index: Any) -> Any:
        columns = {at: pd.Series(array, dtype=array.dtype, copy=False) for at, array in enumerate(arrays)}
        if self.spec["kind"] == "series":
            table = columns[0].rename(self._names[0])
        else:
            table = pd.DataFrame(columns, index=pd.RangeIndex(rows), copy=False)
            table.columns = pd.Index(self._names) if self._names else pd.Index([], dtype=object)
        if index is not None:
            table.index = index
        return table

    def _index_from_plain(self, plain: Optional[List[Any]]) -> Any:
        levels = self.spec["index"]
        if plain is None:
            return None
        if len(levels) == 1:
            described = levels[0]
            if described["dtype"] == "range" or described["kind"] == "object":
                return _inferred_index(plain, described["name"])
            return pd.Index(restored(plain, described), name=described["name"])
        if not all(isinstance(entry, list) and len(entry) == len(levels) for entry in plain):
            raise CodecError(f"expected index entries of {len(levels)} levels.")
        arrays = [restored([entry[at] for entry in plain], level) for at, level in enumerate(levels)]
        return self._joined(arrays)

    def _to_arrow(self, frame: Any, content_type: str) -> Any:
        import pyarrow as pa

        from .arrow_format import write_table
        from .pandas_arrow import as_arrow

        columns = in_one_piece([frame.iloc[:, at] for at in range(frame.shape[1])])
        arrays = [as_arrow(text, columns[at], self._columns[at]) for at, text in enumerate(self._texts)]
        names = list(self._texts)
        if not _is_default(frame.index):
            for at in range(frame.index.nlevels):
                level = frame.index.get_level_values(at).to_series()
                arrays.append(as_arrow("index", level, describe_column(None, level)))
                names.append(_INDEX_NAME.format(at))
        return write_table(pa.table(arrays, names=names), content_type)

    def _from_arrow(self, body: Any, content_type: str) -> Any:
        from .arrow_format import read_table
        from .pandas_arrow import from_arrow

        table = read_table(body, content_type)
        possible = [_INDEX_NAME.format(at) for at in range(len(self.spec["index"]))]
        levels = [name for name in possible if name in table.column_names]
        names = [name for name in table.column_names if name not in levels]
        if set(names) != set(self._texts):
            raise CodecError(names_text(self._texts, names))
        arrays = [from_arrow(table.column(text), column, body) for text, column in zip(self._texts, self._columns)]  # noqa: B905
        index = [self._index_level(table.column(name), at, body) for at, name in enumerate(levels)]
        return self._built(arrays, table.num_rows, self._joined(index) if index else None)

    def _index_level(self, column: Any, at: int, body: Any) -> Any:
        from .arrow_format import plain_column
        from .arrow_values import items_of
        from .pandas_arrow import from_arrow

        described = self.spec["index"][at]
        if described["dtype"] == "range":
            return _inferred_index(items_of(plain_column(column)), None)
        return pd.Index(from_arrow(column, described, body))

    def _joined(self, levels: List[Any]) -> Any:
        names = [level["name"] for level in self.spec["index"]]
        return levels[0].rename(names[0]) if len(levels) == 1 else pd.MultiIndex.from_arrays(levels, names=names)

    def _to_json(self, frame: Any) -> bytes:
        rows = frame_rows(frame, NUMBERS)
        if rows is None:
            return write_json(self.to_plain(frame))
        index = _plain_index(frame.index)
        end = b"}" if index is None else b',"index":' + write_json(index) + b"}"
        return b"".join((b'{"columns":', write_json(list(frame.columns)), b',"data":', rows, end))

    def _to_csv(self, frame: Any) -> bytes:
        named = None not in self._names  # a Series without a name has no header line
        odd = any("\r" in text or "\ufeff" in text for text in self._texts)
        rows = None if odd else frame_rows(frame, WITH_ALL_DIGITS)
        # The writer quotes what holds a line feed, but not what holds a carriage return alone.
        odd = odd or any("\r" in item for place in range(frame.shape[1]) for item in _strings(frame.iloc[:, place]))
        quoting = csv.QUOTE_NONNUMERIC if odd else csv.QUOTE_MINIMAL
        moments = [at for at, column in enumerate(self._columns) if column["kind"] == "datetime"]
        frame = frame.copy(deep=False) if moments else frame
        for at in moments:
            frame.isetitem(at, in_whole_minutes(frame.iloc[:, at]))
        try:
            if rows is not None and (frame.shape[1] > 1 or b"null" not in rows):
                header = frame.iloc[:0].to_csv(index=False, header=named, lineterminator="\n")
                return bytes(header.encode("utf-8")) + rows_as_csv(rows, b"")
            text = str(frame.to_csv(index=False, header=named, lineterminator="\n", quoting=quoting))
            return text.encode("utf-8")
        except UnicodeEncodeError:
            raise CodecError("the table holds a lone surrogate, which UTF-8 cannot write.") from None

    def _from_csv(self, body: bytes, header: str) -> Any:
        pairs = list(zip(self._texts, self._columns))  # noqa: B905
        texts = {text: str for text, column in pairs if _is_text(column)}
        nullable = {text: column["dtype"] for text, column in pairs if column["kind"] == "nullable"}
        missing = {text: [""] if text in texts else _MISSING_NUMBERS for text in self._texts}
        try:
            body.decode("utf-8-sig")
            rows = csv.reader(io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline=""))
            first_row = next(rows)
            for row in (first_row, next(rows, None)):  # pandas would take a surplus column for an index
                if row and len(row) != len(self._texts):
                    raise CodecError(f"expected {len(self._texts)} columns, got {len(row)}.")
            has_header = header == "present" or (header != "absent" and bool(set(first_row) & set(self._texts)))
            shape = {"header": 0, "names": first_row} if has_header else {"header": None, "names": self._texts}
            frame = pd.read_csv(
                io.BytesIO(body),
                encoding="utf-8-sig",
                dtype={**texts, **nullable},
                na_values=missing,
                keep_default_na=False,
                index_col=False,
                low_memory=False,
                **_EXACT_FLOATS,
                **shape,
            )
        except CodecError:
            raise
        except StopIteration:
            raise CodecError("the CSV has no row.") from None
        except Exception as error:  # noqa: BLE001 - pandas' parser raises more than it documents
            raise CodecError(f"the body is not CSV in UTF-8: {str(error)[:200]}.") from None
        if set(frame.columns) != set(self._texts):
            raise CodecError(names_text(self._texts, list(frame.columns)))
        return frame[self._texts]


def _is_text(column: Dict[str, Any]) -> bool:
    if column["kind"] == "category":
        return all(isinstance(item, str) for item in column["categories"])
    return column["kind"] in ("string", "datetime", "duration", "period")


def _values(column: Any) -> Any:
    return column.to_numpy() if column.dtype.kind in "biuf" and isinstance(column.dtype, np.dtype) else column.tolist()


def _described(kind: str, columns: List[Dict[str, Any]], index: Any) -> Dict[str, Any]:
    if _is_default(index):
        levels: List[Dict[str, Any]] = [{"name": None, "dtype": "range", "kind": "number"}]
    else:
        series = [index.get_level_values(at).to_series() for at in range(index.nlevels)]
        levels = [describe_column(name, level) for name, level in zip(index.names, series)]  # noqa: B905
    return {"kind": kind, "columns": columns, "index": levels}


def _is_default(index: Any) -> bool:
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 and index.name is None


def _plain_index(index: Any) -> Optional[List[Any]]:
    if _is_default(index):
        return None
    levels = [plain_values(index.get_level_values(at).to_series()) for at in range(index.nlevels)]
    return levels[0] if len(levels) == 1 else [list(entry) for entry in zip(*levels)]  # noqa: B905


def _inferred_index(plain: List[Any], name: Any) -> Any:
    try:
        return pd.Index(plain, name=name)
    except (TypeError, ValueError) as error:
        raise CodecError(f"the index holds no labels: {error}.") from None


def _strings(column: Any) -> List[str]:
    return [item for item in column if isinstance(item, str)] if column.dtype.kind not in "biufcmM" else []


CODEC = PandasCodec
