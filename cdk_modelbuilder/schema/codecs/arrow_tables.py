"""pyarrow Tables and RecordBatches: Arrow IPC natively; Parquet, JSON, CSV."""

from __future__ import annotations

import csv
import io
from typing import Any, ClassVar, Dict, List, Optional

import pyarrow as pa

from .arrow_format import ARROW_FILE, ARROW_STREAM, PARQUET, empty_rows, plain_column, read_table, write_table
from .arrow_types import describe_type, open_type
from .arrow_values import (
    array_of,
    cell_value,
    csv_cell,
    example_value,
    is_binary,
    is_view,
    items_of,
    plain_value,
    still_finite,
    value_schema,
)
from .base import JSON, Codec
from .csv_header import PRESENT, has_header
from .payload_errors import CodecError, shown
from .table_json import names_text, read_table_json, table_schema, write_table_json

CSV = "text/csv"


class ArrowCodec(Codec):
    """Tables with the sample's columns and types; metadata of the schema is not sent."""

    name: ClassVar[str] = "pyarrow"
    library: ClassVar[Optional[str]] = "pyarrow"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self._schema = pa.schema([pa.field(column["name"], open_type(column["type"])) for column in spec["columns"]])
        self._dictionaries = [field.name for field in self._schema if pa.types.is_dictionary(field.type)]
        kinds = self._schema.types
        csv_type = () if any(pa.types.is_nested(kind) or is_binary(kind) for kind in kinds) else (CSV,)
        # Without a column, only JSON keeps the rows.
        self.content_types = (ARROW_STREAM, JSON, *csv_type, ARROW_FILE, PARQUET) if kinds else (JSON,)

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        if not isinstance(sample, (pa.Table, pa.RecordBatch)):
            return None
        if len(set(sample.schema.names)) != len(sample.schema):
            raise CodecError("a table needs unique column names: rename the columns.")
        columns = [{"name": field.name, "type": describe_type(field.type)} for field in sample.schema]
        return {"kind": "batch" if isinstance(sample, pa.RecordBatch) else "table", "columns": columns}

    def encode(self, value: Any, content_type: str) -> Any:
        if content_type == JSON:
            return super().encode(value, content_type)
        table = self._as_table(value)
        return self._to_csv(table) if content_type == CSV else write_table(table, content_type)

    def decode(self, body: Any, content_type: str) -> Any:
        if content_type == JSON:
            return super().decode(body, content_type)
        if content_type == CSV:
            return self._from_csv(bytes(body), getattr(content_type, "parameters", {}).get("header", ""))
        return self._finished(self._arranged(read_table(body, content_type, self._dictionaries)))

    def label(self, content_type: str, body: Any) -> str:
        return f"{CSV}; header={PRESENT}" if content_type == CSV else content_type

    def to_plain(self, value: Any) -> Any:
        table = self._as_table(value)
        columns = [[plain_value(item) for item in items_of(column)] for column in table.columns]
        return write_table_json(table.column_names, columns, None, table.num_rows)

    def from_plain(self, plain: Any) -> Any:
        table = read_table_json(plain, self._schema.names)
        return self._from_lists([table.columns[name] for name in self._schema.names], table.rows)

    def difference(self, value: Any) -> Optional[str]:
        if not isinstance(value, (pa.Table, pa.RecordBatch)):
            return f"expected a {self.summary()}, got a {type(value).__name__}."
        if set(value.schema.names) != set(self._schema.names) or len(value.schema) != len(self._schema):
            return names_text(self._schema.names, value.schema.names)
        return None

    def summary(self) -> str:
        columns = ", ".join(f"{field.name} {field.type}" for field in list(self._schema)[:6])
        more = f", ... {len(self._schema)} columns" if len(self._schema) > 6 else ""
        return f"Arrow {self.spec['kind']} ({columns}{more})"

    def json_schema(self) -> Dict[str, Any]:
        return table_schema({field.name: value_schema(field.type) for field in self._schema})

    def example(self) -> Any:
        return self._from_lists([[example_value(kind)] for kind in self._schema.types], 1)

    def _as_table(self, value: Any) -> Any:
        table = pa.Table.from_batches([value]) if isinstance(value, pa.RecordBatch) else self.checked(value)
        return self._arranged(table)

    def _arranged(self, table: Any) -> Any:
        found = self.difference(table)
        if found:
            raise CodecError(found)
        arrays = []
        for field in self._schema:
            column = table.column(field.name)
            if column.type != field.type:
                column = _cast(column, field)
            arrays.append(column)
        return pa.table(arrays, schema=self._schema) if arrays else table

    def _finished(self, table: Any) -> Any:
        if self.spec["kind"] == "table":
            return table
        batches = table.combine_chunks().to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], self._schema)

    def _from_lists(self, columns: List[List[Any]], rows: int) -> Any:
        arrays = []
        for field, values in zip(self._schema, columns):  # noqa: B905
            try:
                arrays.append(array_of(values, field.type))
            except (pa.ArrowException, ValueError, TypeError, ArithmeticError, AttributeError, RecursionError) as error:
                raise CodecError(
                    f"column {shown(field.name)} does not hold {field.type}: {str(error)[:200]}."
                ) from None
        return self._finished(pa.table(arrays, schema=self._schema) if arrays else empty_rows(rows))

    def _to_csv(self, table: Any) -> bytes:
        text = io.StringIO()
        columns = [[csv_cell(plain_value(item)) for item in items_of(column)] for column in table.columns]
        # The writer quotes what holds a line feed, but no carriage return alone, nor what the reader takes for a mark.
        odd = any(
            mark in str(cell) for cells in (table.column_names, *columns) for cell in cells for mark in "\r\ufeff"
        )
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL)
        writer.writerow(table.column_names)
        writer.writerows(zip(*columns))  # noqa: B905
        try:
            return text.getvalue().encode("utf-8")
        except UnicodeEncodeError:
            raise CodecError("the table holds a lone surrogate, which UTF-8 cannot write.") from None

    def _from_csv(self, body: bytes, header: str) -> Any:
        names = self._schema.names
        try:
            rows = [row for row in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise CodecError(f"the body is not CSV in UTF-8: {error}.") from None
        given = rows.pop(0) if rows and has_header(rows[0], names, header) else list(names)
        if sorted(given) != sorted(names):
            raise CodecError(names_text(names, given))
        if any(len(row) != len(given) for row in rows):
            raise CodecError(f"expected {len(names)} columns in every row of the CSV.")
        columns = dict(zip(given, zip(*rows))) if rows else dict.fromkeys(names, ())  # noqa: B905
        return self._from_lists(
            [[cell_value(cell, self._schema.field(name).type) for cell in columns[name]] for name in names], len(rows)
        )


def _cast(column: Any, field: Any) -> Any:
    target = field.type
    got, wanted = _values_of(column.type), _values_of(target)
    is_text, wants_text = _is_text(got), _is_text(wanted)
    if is_text != wants_text and not pa.types.is_null(got):
        raise CodecError(f"column {shown(field.name)}: expected {target}, got {column.type}.")
    if pa.types.is_boolean(got) and not pa.types.is_boolean(wanted):
        raise CodecError(f"column {shown(field.name)}: expected {target}, got {column.type}.")
    try:
        if not pa.types.is_dictionary(target):
            plain = plain_column(column) if pa.types.is_dictionary(column.type) else column
            return still_finite(plain, plain.cast(target))
        if not pa.types.is_dictionary(column.type):
            return column.cast(wanted).dictionary_encode().cast(target)
        # Never resolved: a few texts may stand for a million.
        chunks = [
            pa.DictionaryArray.from_arrays(
                chunk.indices.cast(target.index_type), chunk.dictionary.cast(wanted), ordered=target.ordered
            )
            for chunk in column.chunks
        ]
        return pa.chunked_array(chunks, target)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise CodecError(
            f"column {shown(field.name)}: expected {target}, got {column.type}: {str(error)[:200]}."
        ) from None


def _values_of(kind: Any) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind)) or is_view(kind)


CODEC = ArrowCodec
