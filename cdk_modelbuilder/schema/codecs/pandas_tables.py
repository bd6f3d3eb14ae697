"""pandas DataFrame and Series: names, order, dtypes, index and rows survive. Arrow natively; JSON, CSV, Parquet."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, List, Optional

import pandas as pd

from .base import JSON, Codec
from .column_copies import in_one_piece
from .csv_header import ABSENT, PRESENT
from .json_text import read_json, write_json
from .pandas_columns import column_schema, describe_column, example_values, plain_values, restored
from .pandas_csv import frame_from_csv, frame_to_csv, values_of
from .payload_errors import CodecError, listed
from .registry import is_installed
from .rows_text import NUMBERS, frame_rows
from .table_json import names_text, read_table_json, table_schema, write_table_json

CSV = "text/csv"
ARROW_STREAM = "application/vnd.apache.arrow.stream"
_ARROW_TYPES = (ARROW_STREAM, "application/vnd.apache.arrow.file", "application/vnd.apache.parquet")
_INDEX_NAME = "__index_level_{}__"


class PandasCodec(Codec):
    """Tables with the sample's columns and dtypes; rows are free, and columns may come in another order."""

    name: ClassVar[str] = "pandas"
    library: ClassVar[Optional[str]] = "pandas"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self._columns: List[Dict[str, Any]] = spec["columns"]
        self._texts = ["" if column["name"] is None else str(column["name"]) for column in self._columns]
        # Without a column, only JSON keeps the rows.
        odd = not self._columns or any(column["kind"] == "object" or _is_mixed(column) for column in self._columns)
        odd_index = any(level["kind"] == "object" or _is_mixed(level) for level in spec["index"])
        by_arrow = is_installed("pyarrow") and not odd and not odd_index
        by_csv = not odd and all(column["kind"] != "complex" for column in self._columns)
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

    @property
    def _has_names(self) -> bool:
        return None not in self._names  # a Series without a name has no header line

    def needs(self, content_type: str) -> Optional[str]:
        return "pyarrow" if content_type in _ARROW_TYPES else None

    def encode(self, value: Any, content_type: str) -> Any:
        if content_type == JSON:
            return self._to_json(self._as_frame(value))
        frame = self._as_frame(value)
        if content_type == CSV:
            return frame_to_csv(frame, self._columns, self._texts, header=self._has_names)
        return self._to_arrow(frame, content_type)

    def decode(self, body: Any, content_type: str) -> Any:
        if content_type == JSON:
            return self.from_plain(read_json(body))
        if content_type == CSV:
            header = getattr(content_type, "parameters", {}).get("header", "")
            frame = frame_from_csv(bytes(body), self._columns, self._texts, header)
            arrays = [restored(values_of(frame.iloc[:, at]), column) for at, column in enumerate(self._columns)]
            return self._built(arrays, len(frame), None)
        return self._from_arrow(body, content_type)

    def label(self, content_type: str, body: Any) -> str:
        # Numbered columns, or a row of text that is the names, could not be told otherwise.
        return f"{CSV}; header={PRESENT if self._has_names else ABSENT}" if content_type == CSV else content_type

    def to_plain(self, value: Any) -> Any:
        frame = self._as_frame(value)
        columns = [plain_values(frame.iloc[:, place]) for place in range(frame.shape[1])]
        return write_table_json(list(frame.columns), columns, _plain_index(frame.index), len(frame))

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
                raise CodecError(f"the value does not fit the columns {listed(self._names)}: {error}.") from None
        found = self.difference(frame)
        if found:
            raise CodecError(found)
        return frame if list(frame.columns) == self._names else frame[self._names]

    def _built(self, arrays: List[Any], rows: int, index: Any) -> Any:
        if self.spec["kind"] == "series":
            table = pd.Series(arrays[0], dtype=arrays[0].dtype, copy=False, name=self._names[0])
        else:
            default = pd.RangeIndex(rows)
            # Numbers are taken as they are; of objects, pandas would guess a dtype.
            columns = {
                at: array if array.dtype.kind in "biuf" else pd.Series(array, default, array.dtype, copy=False)
                for at, array in enumerate(arrays)
            }
            table = pd.DataFrame(columns, index=default, copy=False)
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

        categories = [text for text, column in zip(self._texts, self._columns) if column["kind"] == "category"]  # noqa: B905
        table = read_table(body, content_type, categories)
        width = len(table.column_names) if self._is_index_free else len(self.spec["index"])
        there = set(table.column_names) - set(self._texts)
        levels = [name for name in map(_INDEX_NAME.format, range(width)) if name in there]
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

        if self._is_index_free:
            return _inferred_index(items_of(plain_column(column)), None)
        described = self.spec["index"][at]
        return pd.Index(from_arrow(column, described, body))

    def _joined(self, levels: List[Any]) -> Any:
        names = [level["name"] for level in self.spec["index"]]
        if len(levels) == 1:
            return levels[0].rename(names[0])
        return pd.MultiIndex.from_arrays(levels, names=None if self._is_index_free else names)

    @property
    def _is_index_free(self) -> bool:
        """Whether the sample's index was the default one, so that any other may come."""
        return bool(self.spec["index"][0]["dtype"] == "range")

    def _to_json(self, frame: Any) -> bytes:
        rows = frame_rows(frame, NUMBERS)
        if rows is None:
            return write_json(self.to_plain(frame))
        index = _plain_index(frame.index)
        end = b"}" if index is None else b',"index":' + write_json(index) + b"}"
        return b"".join((b'{"columns":', write_json(list(frame.columns)), b',"data":', rows, end))


def _described(kind: str, columns: List[Dict[str, Any]], index: Any) -> Dict[str, Any]:
    if _is_default(index):
        levels: List[Dict[str, Any]] = [{"name": None, "dtype": "range", "kind": "number"}]
    else:
        series = [index.get_level_values(at).to_series() for at in range(index.nlevels)]
        levels = [describe_column(name, level) for name, level in zip(index.names, series)]  # noqa: B905
    return {"kind": kind, "columns": columns, "index": levels}


def _is_mixed(column: Dict[str, Any]) -> bool:
    """Whether its categories are of kinds that Arrow knows no one type for."""
    return len({type(item) is str for item in column.get("categories", ())}) > 1


def _is_default(index: Any) -> bool:
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 and index.name is None


def _plain_index(index: Any) -> Optional[List[Any]]:
    if _is_default(index):
        return None
    levels = [plain_values(index.get_level_values(at).to_series()) for at in range(index.nlevels)]
    return levels[0] if len(levels) == 1 else [list(entry) for entry in zip(*levels)]  # noqa: B905


def _inferred_index(plain: List[Any], name: Any) -> Any:
    try:
        widths = {len(entry) if isinstance(entry, list) else 0 for entry in plain}
        if len(widths) == 1 and widths != {0}:
            return pd.MultiIndex.from_tuples(list(map(tuple, plain)))
        if widths - {0}:
            raise CodecError("the index has entries of different numbers of levels.")
        return pd.Index(plain, name=name)
    except (TypeError, ValueError) as error:
        raise CodecError(f"the index holds no labels: {error}.") from None


CODEC = PandasCodec
