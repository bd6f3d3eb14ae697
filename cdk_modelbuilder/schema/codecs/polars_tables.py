"""polars DataFrame and Series: through Arrow, whose reader is held to what strangers may send; JSON, CSV, Parquet."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, List, Optional

import polars as pl
import pyarrow as pa

from .arrow_tables import ArrowCodec
from .base import Codec
from .payload_errors import CodecError


class PolarsCodec(Codec):
    """Tables with the sample's columns and dtypes; Categorical and Enum columns included."""

    name: ClassVar[str] = "polars"
    library: ClassVar[Optional[str]] = "polars"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self._arrow = ArrowCodec(spec["arrow"])
        self.content_types = self._arrow.content_types

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        if not isinstance(sample, (pl.DataFrame, pl.Series)):
            if isinstance(sample, pl.LazyFrame):
                raise CodecError("a LazyFrame holds no data yet: give frame.collect().")
            return None
        frame = sample.to_frame() if isinstance(sample, pl.Series) else sample
        if any(kind == pl.Object for kind in frame.dtypes):
            raise CodecError("a polars column of Python objects can only be sent by pickling it, which is never done.")
        described = ArrowCodec.describe(_to_arrow(frame))
        categories = {
            name: kind.categories.to_list() for name, kind in frame.schema.items() if isinstance(kind, pl.Enum)
        }
        return {
            "kind": "series" if isinstance(sample, pl.Series) else "frame",
            "arrow": described,
            "enums": categories,
        }

    def encode(self, value: Any, content_type: str) -> Any:
        return self._arrow.encode(self._as_table(value), content_type)

    def label(self, content_type: str, body: Any) -> str:
        return self._arrow.label(content_type, body)

    def decode(self, body: Any, content_type: str) -> Any:
        return self._finished(self._arrow.decode(body, content_type))

    def to_plain(self, value: Any) -> Any:
        return self._arrow.to_plain(self._as_table(value))

    def from_plain(self, plain: Any) -> Any:
        return self._finished(self._arrow.from_plain(plain))

    def difference(self, value: Any) -> Optional[str]:
        if not isinstance(value, (pl.DataFrame, pl.Series)):
            return f"expected a {self.summary()}, got a {type(value).__name__}."
        if isinstance(value, pl.Series):
            return None
        return self._arrow.difference(pa.table({name: [] for name in value.columns}))

    def summary(self) -> str:
        return self._arrow.summary().replace(
            "Arrow table", "polars " + ("Series" if self.spec["kind"] == "series" else "DataFrame"), 1
        )

    def json_schema(self) -> Dict[str, Any]:
        return self._arrow.json_schema()

    def example(self) -> Any:
        enums = {name: categories[:1] or None for name, categories in self.spec["enums"].items()}
        table = self._arrow.example()
        for name, values in enums.items():
            table = table.set_column(
                table.column_names.index(name), name, pa.array(values or [None], pa.large_string())
            )
        return self._finished(table)

    def _as_table(self, value: Any) -> Any:
        names: List[str] = [column["name"] for column in self.spec["arrow"]["columns"]]
        frame = value.to_frame(names[0]) if isinstance(value, pl.Series) else value
        return _to_arrow(frame)

    def _finished(self, table: Any) -> Any:
        try:
            frame = pl.from_arrow(table)
            assert isinstance(frame, pl.DataFrame)
            frame.columns = table.column_names  # it makes up a name where there is an empty one
            enums = {name: pl.Enum(categories) for name, categories in self.spec["enums"].items()}
            frame = frame.with_columns(pl.col(name).cast(kind) for name, kind in enums.items())
        except pl.exceptions.PolarsError as error:
            raise CodecError(f"the table does not fit: {str(error)[:200]}.") from None
        return frame.to_series(0) if self.spec["kind"] == "series" else frame


def _to_arrow(frame: Any) -> Any:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


CODEC = PolarsCodec
