"""Every kind of payload that docs/payloads.md promises, one sample each: matrix and page are made from these."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib.util
import io
import sys
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

CSV, JSON, JPEG, WEBP = "text/csv", "application/json", "image/jpeg", "image/webp"
ARROW = ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file", "application/vnd.apache.parquet")
SAMPLES = Path(__file__).with_name("samples")


@dataclass(frozen=True)
class Case:
    """One kind of payload.

    Attributes:
        name: What the page calls it.
        make: Makes the sample.
        library: Module that it takes; None for Python's own and NumPy.
        inexact: Content type -> what does not come back as it was.
    """

    name: str
    make: Callable[[], Any]
    library: str | None = None
    inexact: dict[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> str | None:
        """The library, if it is not installed."""
        return self.library if self.library and importlib.util.find_spec(self.library) is None else None


_NO_ORDER = {JSON: "comes back in C order", CSV: "comes back in C order"}
_NO_INDEX = {CSV: "the index is not written"}
_NO_EMPTY_TEXT = {CSV: "an empty text is a missing value"}


def _frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [41, 38],
            "weight": [71.5, np.nan],
            "name": ["Łukasz", "a,b\n"],
            "member": [True, False],
            "small": np.array([1, 200], dtype="uint8"),
            "since": pd.to_datetime(["2020-01-01T00:00:00.000000", "2021-06-01T12:30:00.123456"]),
            "zoned": pd.to_datetime(["2020-01-01", "2021-01-01"], utc=True).tz_convert("Europe/Paris"),
            "span": pd.to_timedelta(["1s", "2 days"]),
            "town": pd.Categorical(["Rome", "Oslo"], categories=["Oslo", "Rome", "Ulm"]),
            "grade": pd.Categorical([2, 1], categories=[1, 2, 3], ordered=True),
            "count": pd.array([2**62 + 1, None], dtype="Int64"),
            "maybe": pd.array([True, None], dtype="boolean"),
            "month": pd.period_range("2020-01", periods=2, freq="M"),
        }
    )


def _arrow_table() -> Any:
    import pyarrow as pa

    return pa.table(
        {
            "whole": pa.array([1, None], pa.int32()),
            "real": [float("nan"), None],
            "text": ["x", None],
            "word": pa.array(["a", "b"]).dictionary_encode(),
            "at": pa.array([1, None], pa.timestamp("ns", "Europe/Paris")),
            "money": pa.array([decimal.Decimal("1.50"), None]),
            "day": pa.array([dt.date(2020, 1, 1), None]),
            "span": pa.array([5, None], pa.duration("us")),
        }
    )


def _nested_arrow_table() -> Any:
    import pyarrow as pa

    return pa.table({"embedding": [[0.5, 1.5], None], "raw": [b"\xff", b""], "point": [{"x": 1}, {"x": 2}]})


def _polars_frame() -> Any:
    import polars as pl

    return pl.DataFrame(
        {
            "whole": [1, None],
            "real": [float("nan"), None],
            "text": ["x", None],
            "day": [dt.date(2020, 1, 1), None],
            "at": [dt.datetime(2020, 1, 1, 1, 2, 3, 456), None],  # noqa: DTZ001 - a wall clock's
            "word": pl.Series(["a", "b"], dtype=pl.Categorical),
            "level": pl.Series(["low", "high"], dtype=pl.Enum(["low", "high"])),
            "money": [decimal.Decimal("1.50"), None],
            "span": [dt.timedelta(seconds=1), None],
        }
    )


def _polars(kind: str) -> Callable[[], Any]:
    def make() -> Any:
        import polars as pl

        return pl.Series("price", [1.5, None]) if kind == "series" else pl.DataFrame({"tags": [["a"], []]})

    return make


def _torch(kind: str) -> Callable[[], Any]:
    def make() -> Any:
        import torch

        values = torch.tensor([[0.5, float("nan")], [-1.5, float("inf")]])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that sparse CSR tensors are in beta
            return makers(torch, values)[kind]()

    def makers(torch: Any, values: Any) -> dict[str, Callable[[], Any]]:
        return {
            "float32": lambda: values,
            "bfloat16": values.bfloat16,
            "float8": lambda: torch.tensor([[0.5, 2.0]]).to(torch.float8_e4m3fn),
            "int64": lambda: torch.tensor([[2**62 + 1, -1]]),
            "bool": lambda: torch.tensor([True, False]),
            "complex64": lambda: torch.tensor([1 + 2j, 3 - 4j]),
            "scalar": lambda: torch.tensor(1.5),
            "sparse COO": lambda: torch.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse().coalesce(),
            "sparse CSR": lambda: torch.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse_csr(),
        }

    return make


def _tensorflow(kind: str) -> Callable[[], Any]:
    def make() -> Any:
        import tensorflow as tf

        return {
            "float32": lambda: tf.constant([[0.5, -1.5]]),
            "bfloat16": lambda: tf.cast(tf.constant([[0.5, 2.0]]), tf.bfloat16),
            "int64": lambda: tf.constant([2**62 + 1, -1], tf.int64),
            "string": lambda: tf.constant(["text", b"\xff"]),
            "bool": lambda: tf.constant([True, False]),
        }[kind]()

    return make


def _sparse(kind: str) -> Callable[[], Any]:
    def make() -> Any:
        import scipy.sparse

        dense = np.array([[0.0, 1.5, 0.0], [2.5, 0.0, 0.0]])
        return getattr(scipy.sparse, f"{kind}_array")(dense)

    return make


def _image(mode: str) -> Callable[[], Any]:
    def make() -> Any:
        from PIL import Image

        pixels = np.arange(7 * 5 * 4, dtype="uint8").reshape(7, 5, 4)
        image = Image.fromarray(pixels) if mode == "RGBA" else Image.fromarray(pixels[..., :3].copy())
        if mode == "I;16":
            return Image.fromarray(pixels[..., 0].astype("uint16") * 257)
        return image if image.mode == mode else image.convert(mode)

    return make


def _encoded(format_name: str) -> Callable[[], bytes]:
    def make() -> bytes:
        buffer = io.BytesIO()
        _image("RGB")().save(buffer, format_name)
        return buffer.getvalue()

    return make


def _sound(format_name: str) -> Callable[[], bytes]:
    def make() -> bytes:
        import soundfile

        buffer = io.BytesIO()
        soundfile.write(buffer, np.sin(np.arange(800) / 9), 8000, format=format_name)
        return buffer.getvalue()

    return make


def _record(name: str) -> Callable[[], Any]:
    def make() -> Any:
        if str(SAMPLES) not in sys.path:
            sys.path.insert(0, str(SAMPLES))
        import records

        if name == "Order":
            return records.Order(item="bolt", due=dt.date(2020, 1, 31))
        return records.Reading("t1", dt.datetime(2020, 1, 1, tzinfo=dt.UTC), np.array([1.5, np.nan]))

    return make


CASES = [
    Case("NumPy array of floats, NaN and infinity", lambda: np.array([[0.1, np.nan], [np.inf, -np.inf]])),
    Case("NumPy array, float32", lambda: np.array([[0.1, 1e-38]], "f4")),
    Case("NumPy array, float16", lambda: np.array([0.1, 65504], "f2")),
    Case("NumPy array of integers", lambda: np.array([2**63 - 1, -(2**63)])),
    Case("NumPy array, uint8, 4 axes", lambda: np.arange(24, dtype="u1").reshape(1, 2, 3, 4)),
    Case("NumPy array of truth values", lambda: np.array([True, False])),
    Case("NumPy array of text", lambda: np.array([["a", "Ł"], ["b,c", 'd"e']])),
    Case("NumPy array, StringDType", lambda: np.array(["a", "longer"], dtype=np.dtypes.StringDType())),
    Case("NumPy array of bytes", lambda: np.array([b"a", b"\xff"])),
    Case("NumPy array of dates", lambda: np.array(["2020-01-01T00:00:00.5", "NaT"], "M8[ms]")),
    Case("NumPy array of durations", lambda: np.array([1, "NaT"], "m8[s]")),
    Case("NumPy array, complex", lambda: np.array([1 + 2j, -0.5j])),
    Case("NumPy array, structured", lambda: np.array([(1, 2.0)], [("a", "i4"), ("b", "f8", (1,))])),
    Case("NumPy array, big-endian", lambda: np.array([1.5], ">f8")),
    Case("NumPy array in Fortran order", lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)), None, _NO_ORDER),
    Case("NumPy array without axes", lambda: np.array(1.5)),
    Case("NumPy scalar", lambda: np.float32(0.1)),
    Case("pandas DataFrame, all kinds of columns", _frame, "pandas"),
    Case(
        "pandas DataFrame with an index",
        lambda: pd.DataFrame({"a": [1.5]}, pd.Index([7], name="id")),
        "pandas",
        _NO_INDEX,
    ),
    Case(
        "pandas DataFrame with two index levels",
        lambda: pd.DataFrame({"a": [1.5]}, pd.MultiIndex.from_tuples([("x", 1)], names=["k", None])),
        "pandas",
        _NO_INDEX,
    ),
    Case("pandas DataFrame with numbered columns", lambda: pd.DataFrame([[1, 2.5]]), "pandas"),
    Case("pandas DataFrame, empty text", lambda: pd.DataFrame({"a": ["", "x"]}), "pandas", _NO_EMPTY_TEXT),
    Case("pandas DataFrame with lists and dicts", lambda: pd.DataFrame({"o": [{"a": 1}, [1]]}), "pandas"),
    Case("pandas Series", lambda: pd.Series([1, 2], name="target"), "pandas"),
    Case("polars DataFrame", _polars_frame, "polars"),
    Case("polars DataFrame with lists", _polars("lists"), "polars"),
    Case("polars Series", _polars("series"), "polars"),
    Case("pyarrow Table", _arrow_table, "pyarrow"),
    Case("pyarrow Table, nested and binary", _nested_arrow_table, "pyarrow"),
    *(
        Case(f"torch Tensor, {kind}", _torch(kind), "torch")
        for kind in (
            "float32",
            "bfloat16",
            "float8",
            "int64",
            "bool",
            "complex64",
            "scalar",
            "sparse COO",
            "sparse CSR",
        )
    ),
    *(
        Case(f"TensorFlow Tensor, {kind}", _tensorflow(kind), "tensorflow")
        for kind in ("float32", "bfloat16", "int64", "string", "bool")
    ),
    *(
        Case(f"scipy sparse, {kind}", _sparse(kind), "scipy")
        for kind in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
    ),
    *(
        Case(f"PIL image, {mode}", _image(mode), "PIL", {JPEG: "lossy"})
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "F", "CMYK")
    ),
    *(Case(f"{name} file as bytes", _encoded(name), "PIL") for name in ("PNG", "JPEG", "WEBP")),
    *(Case(f"{name} file as bytes", _sound(name), "soundfile") for name in ("WAV", "FLAC")),
    Case("bytes", lambda: b"\x00\xff"),
    Case("bytearray", lambda: bytearray(b"\x00\xff")),
    Case("open binary file", lambda: io.BytesIO(b"\x00\xff")),
    Case("open text file", lambda: io.StringIO("Łódź\r\n")),
    Case("text", lambda: "Łódź /etc/hostname"),
    Case("JSON document", lambda: {"inputs": "x", "parameters": {"n": 1, "stop": None, "ids": [1, 2.5]}}),
    Case("list of numbers", lambda: [0.1, 1e300, -5]),
    Case("number", lambda: 0.5),
    Case("tuple", lambda: (1, "two", None)),
    Case("dict with integer keys", lambda: {1: "a", 2: "b"}),
    Case("datetime", lambda: dt.datetime(2020, 1, 31, 12, 0, 0, 5, tzinfo=dt.timezone(dt.timedelta(hours=2)))),
    Case("date, time, timedelta", lambda: {"d": dt.date(2020, 1, 1), "t": dt.time(1, 2), "p": dt.timedelta(-1, 3, 5)}),
    Case("Decimal", lambda: decimal.Decimal("1.500")),
    Case("UUID", lambda: uuid.UUID(int=7)),
    Case("complex number", lambda: complex(1, float("nan"))),
    Case("dataclass", _record("Reading")),
    Case("pydantic model", _record("Order"), "pydantic"),
    Case("dict of arrays and scalars", lambda: {"image": np.zeros((2, 2, 3), "u1"), "threshold": 0.5, "tag": "x"}),
    Case("list of arrays of different lengths", lambda: [np.zeros(2), np.ones(3)]),
    Case(
        "dict with a table, bytes and dates",
        lambda: {"rows": _frame()[["age", "name"]], "raw": b"\xff", "at": [dt.date(2020, 1, 1)]},
    ),
    Case("list of NumPy scalars", lambda: [np.int64(3), np.int64(4)]),
]
