"""pandas tables as CSV and back: the parser is pandas' own, so that its dtypes are."""

from __future__ import annotations

import csv
import io
from typing import Any, Dict, List, Sequence

import numpy as np
import pandas as pd

from .csv_header import has_header
from .pandas_columns import in_whole_minutes
from .payload_errors import CodecError
from .rows_text import WITH_ALL_DIGITS, frame_rows, rows_as_csv
from .table_json import names_text

_MISSING_NUMBERS = ["", "nan", "NaN", "NA", "N/A", "null", "None", "<NA>"]

# pandas 3 reads floats exactly by itself, and warns when it is asked to.
_EXACT_FLOATS: Dict[str, Any] = {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}


def frame_to_csv(frame: Any, columns: Sequence[Dict[str, Any]], texts: Sequence[str], *, header: bool) -> bytes:
    """A DataFrame with these columns as CSV; ``texts`` are their names. Raises CodecError."""
    odd = any("\r" in text or "\ufeff" in text for text in texts)
    rows = None if odd else frame_rows(frame, WITH_ALL_DIGITS)
    # The writer quotes what holds a line feed, but not what holds a carriage return alone.
    odd = odd or any("\r" in item for place in range(frame.shape[1]) for item in _strings(frame.iloc[:, place]))
    quoting = csv.QUOTE_NONNUMERIC if odd else csv.QUOTE_MINIMAL
    moments = [at for at, column in enumerate(columns) if column["kind"] == "datetime"]
    frame = frame.copy(deep=False) if moments else frame
    for at in moments:
        frame.isetitem(at, in_whole_minutes(frame.iloc[:, at]))
    try:
        if rows is not None and (frame.shape[1] > 1 or b"null" not in rows):
            head = frame.iloc[:0].to_csv(index=False, header=header, lineterminator="\n")
            return bytes(head.encode("utf-8")) + rows_as_csv(rows, b"")
        text = str(frame.to_csv(index=False, header=header, lineterminator="\n", quoting=quoting))
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise CodecError("the table holds a lone surrogate, which UTF-8 cannot write.") from None


def frame_from_csv(body: bytes, columns: Sequence[Dict[str, Any]], texts: List[str], header: str) -> Any:
    """The DataFrame of ``texts``, its dtypes as pandas' parser has them. Raises CodecError."""
    pairs = list(zip(texts, columns))  # noqa: B905 - Python 3.8
    as_text = {text: str for text, column in pairs if _is_text(column)}
    nullable = {text: _parsed_as(column["dtype"]) for text, column in pairs if column["kind"] == "nullable"}
    missing = {text: [""] if text in as_text else _MISSING_NUMBERS for text in texts}
    try:
        body.decode("utf-8-sig")
        rows = csv.reader(io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline=""))
        first_row = next(rows)
        for row in (first_row, next(rows, None)):  # pandas would take a surplus column for an index
            if row and len(row) != len(texts):
                raise CodecError(f"expected {len(texts)} columns, got {len(row)}.")
        if has_header(first_row, texts, header):
            shape: Dict[str, Any] = {"header": 0, "names": first_row}
        else:
            shape = {"header": None, "names": texts}
        frame = pd.read_csv(
            io.BytesIO(body),
            encoding="utf-8-sig",
            dtype={**as_text, **nullable},
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
    if set(frame.columns) != set(texts):
        raise CodecError(names_text(texts, list(frame.columns)))
    return frame[texts]


def values_of(column: Any) -> Any:
    """A column of :func:`frame_from_csv`'s as an array where it is one of numbers, else as a list."""
    return column.to_numpy() if column.dtype.kind in "biuf" and isinstance(column.dtype, np.dtype) else column.tolist()


def _parsed_as(dtype: str) -> str:
    """The dtype that the parser makes of a nullable column: floats in full, for it would make infinities of others."""
    return "Float64" if pd.api.types.pandas_dtype(dtype).kind == "f" else dtype


def _is_text(column: Dict[str, Any]) -> bool:
    if column["kind"] == "category":
        return all(isinstance(item, str) for item in column["categories"])
    return column["kind"] in ("string", "datetime", "duration", "period")


def _strings(column: Any) -> List[str]:
    return [item for item in column if isinstance(item, str)] if column.dtype.kind not in "biufcmM" else []
