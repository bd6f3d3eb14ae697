"""Encoding and decoding payloads: against a copy in memory, and against the serializers of the SageMaker SDK."""

from __future__ import annotations

import contextlib
import gc
import io
import statistics
from pathlib import Path
from typing import Any

from benchmarks import payload_data, reference_sdk
from benchmarks.measure import Row, Settings, fresh, megabytes, peak_rss, timed

COPIES = 2.0
FASTER = 3.0
_JSON = "application/json"
_NATIVE = (
    ("{size} MB of float32 as .npy", "array", True),
    ("DataFrame of {size} x 20 float64, made from columns, as Arrow", "frame", True),
    ("DataFrame of {size} x 20 float64, made from one array, as Arrow", "frame_of_one_array", True),
    ("DataFrame of {size} x 20 float64, a view of one array by rows, as Arrow", "frame_by_rows", False),
    ("DataFrame of {size} x 20: floats, integers, truths, categories, text, dates; as Arrow", "mixed_frame", False),
)
# What, what it is made by, our content type, the SDK's case, what the SDK's is.
_AGAINST_SDK = (
    ("{size} MB of float32 natively", "array", "", "npy", "`NumpySerializer`, `NumpyDeserializer`"),
    ("DataFrame of {size} x 20 float64 natively", "frame", "", "csv", "`CSVSerializer`, `PandasDeserializer`"),
    ("DataFrame of {size} x 20 float64 as CSV", "frame", "text/csv", "csv", "`CSVSerializer`, `PandasDeserializer`"),
    ("lists, {size} x 20 floats, as JSON", "lists", _JSON, "json", "`JSONSerializer`, `JSONDeserializer`"),
    ("array of {size} x 20 float64 as JSON", "rows", _JSON, "json array", "`JSONSerializer`, `NumpyDeserializer`"),
)


def rows(settings: Settings) -> list[Row]:
    # From 33 MB on, memory is fresh each time: below, the C library keeps what is freed.
    large = {"array": 40 if settings.quick else 100}
    small = 5_000 if settings.quick else 100_000
    table: list[Row] = []
    for what, maker, is_judged in _NATIVE:
        size = large.get(maker, 250_000 if settings.quick else 1_000_000)
        text = what.format(size=f"{size:_}".replace("_", " "))
        found = fresh(compare_with_copy, maker, size, 2 * settings.repeats)
        table.append(_copy_row(text, found, judged=is_judged))
        if is_judged:
            table.append(_memory_row(text, fresh(memory, maker, size)))
    table.append(_pandas_row(small, fresh(compare_with_pandas, small, settings.repeats)))
    python = reference_sdk.install(settings.scratch)
    for what, maker, content_type, case, peer in _AGAINST_SDK:
        size = large.get(maker, small)
        text = f"encode + decode: {what.format(size=f'{size:_}'.replace('_', ' '))}"
        if python is None:
            table.append(Row(text, "", "SDK not installed", None, f">= {FASTER:.0f}x as fast", None))
            continue
        repeats = 2 if settings.quick else 5
        found = fresh(compare_with_sdk, python, (maker, content_type, case), size, repeats)
        table.append(_sdk_row(text, found, peer))
    return table


def compare_with_copy(maker: str, size: int, repeats: int) -> dict[str, list[float]]:
    """Seconds of a copy, encoding and decoding, in turns; for :func:`benchmarks.measure.fresh`."""
    import numpy as np

    value = getattr(payload_data, maker)(size)
    original = value if maker == "array" else payload_data.rows(size)
    found: dict[str, list[float]] = {"limit": [], "encode": [], "decode": [], "by columns": []}
    for _ in range(repeats):
        found["limit"].append(timed(lambda: np.copy(original)))
        if maker == "frame_by_rows":
            found["by columns"].append(timed(lambda: np.asfortranarray(original)))
        _round(value, "", found)
    return found


def compare_with_pandas(size: int, repeats: int) -> dict[str, list[float]]:
    """Seconds of pandas' own JSON, our encoding and decoding, in turns; for :func:`benchmarks.measure.fresh`."""
    import pandas as pd

    value = payload_data.frame(size)
    found: dict[str, list[float]] = {"limit": [], "encode": [], "decode": []}
    for _ in range(repeats):
        found["limit"].append(timed(lambda: pd.read_json(io.StringIO(value.to_json(orient="split")), orient="split")))
        _round(value, _JSON, found)
    return found


def compare_with_sdk(python: str, kind: tuple[str, str, str], size: int, repeats: int) -> dict[str, list[float]]:
    """Seconds of the SDK's process, and of encoding and decoding here, in turns; for ``fresh``."""
    maker, content_type, case = kind
    value = getattr(payload_data, maker)(size)
    found: dict[str, list[float]] = {"limit": [], "encode": [], "decode": []}
    with reference_sdk.running(python) as sdk:
        for _ in range(repeats):
            found["limit"].append(sum(sdk.seconds(case, maker, size)))
            _round(value, content_type, found)
    return found


def memory(maker: str, size: int) -> dict[str, int]:
    """Bytes that encoding and decoding take at their peaks, and the body's; for :func:`benchmarks.measure.fresh`."""
    value = getattr(payload_data, maker)(size)
    marshaller = _marshaller(value)
    warm = payload_data.array(1) if maker == "array" else payload_data.frame(1000)
    marshaller.decode_request(bytearray(marshaller.encode_request(warm)[0]), None)  # the imports
    before = _reset_peak()
    encoded = marshaller.encode_request(value)[0]
    encoding = peak_rss() - before
    body = bytearray(encoded)
    del encoded
    before = _reset_peak()
    decoded = marshaller.decode_request(body, None)
    decoding = peak_rss() - before
    assert len(decoded) == len(value)
    return {"encode": encoding, "decode": decoding, "body": len(body)}


def _round(value: Any, content_type: str, found: dict[str, list[float]]) -> None:
    """One encoding, natively as a request or else as a response, and one decoding of what HTTP delivers."""
    marshaller = _marshaller(value)
    gc.collect()
    bodies: list[Any] = []
    if content_type:
        found["encode"].append(timed(lambda: bodies.append(marshaller.encode_response(value, content_type)[0])))
    else:
        found["encode"].append(timed(lambda: bodies.append(marshaller.encode_request(value)[0])))
    body = bytearray(bodies.pop())
    found["decode"].append(timed(lambda: marshaller.decode_request(body, content_type or None)))


def _marshaller(value: Any) -> Any:
    from cdk_modelbuilder import SchemaBuilder

    return SchemaBuilder(value[:5], value[:5]).marshaller


def _reset_peak() -> int:
    """Resident bytes now, from which the peak is counted again; where the kernel cannot, the peak so far."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_rss()


def _totals(found: dict[str, list[float]]) -> list[float]:
    return [sum(pair) for pair in zip(found["encode"], found["decode"], strict=True)]


def _copy_row(what: str, found: dict[str, list[float]], *, judged: bool) -> Row:
    ratio = min(_totals(found)) / min(found["limit"])
    columns = found["by columns"]
    note = f" `numpy.asfortranarray`, a copy by columns, takes {_milliseconds(columns)}." if columns else ""
    return Row(
        what=f"encode + decode: {what}",
        measured=_milliseconds(_totals(found)),
        limit=f"one copy of {'it' if judged else 'as many float64'} (`numpy.copy`) {_milliseconds(found['limit'])}",
        ratio=ratio,
        target=f"<= {COPIES:.0f}x" if judged else "none",
        reached=ratio <= COPIES if judged else None,
        note=_parts(found) + note,
    )


def _memory_row(what: str, used: dict[str, int]) -> Row:
    return Row(
        what=f"decode: {what}: memory at the peak",
        measured=megabytes(used["decode"]),
        limit=f"the body {megabytes(used['body'])}",
        ratio=used["decode"] / used["body"],
        target="a view of the body",
        reached=used["decode"] < max(used["body"] / 100, 1e6),
        note=f"Encoding takes {megabytes(used['encode'])}, the body itself among them.",
    )


def _pandas_row(size: int, found: dict[str, list[float]]) -> Row:
    return Row(
        what=f"encode + decode: DataFrame of {f'{size:_}'.replace('_', ' ')} x 20 float64 as JSON",
        measured=_milliseconds(_totals(found)),
        limit=f"pandas' `to_json` and `read_json`, with fewer digits {_milliseconds(found['limit'])}",
        ratio=min(_totals(found)) / min(found["limit"]),
        target="none",
        reached=None,
        note=f"{_parts(found)} The SDK writes no DataFrame as JSON.",
    )


def _sdk_row(what: str, found: dict[str, list[float]], peer: str) -> Row:
    ratio = min(_totals(found)) / min(found["limit"])
    return Row(
        what=what,
        measured=_milliseconds(_totals(found)),
        limit=f"SageMaker SDK {reference_sdk.VERSION}, {peer} {_milliseconds(found['limit'])}",
        ratio=ratio,
        target=f"<= 1/{FASTER:.0f}",
        reached=ratio <= 1 / FASTER,
        note=f"{1 / ratio:.1f} times as fast. {_parts(found)}",
    )


def _parts(found: dict[str, list[float]]) -> str:
    return f"Encoding takes {min(found['encode']) * 1000:.1f} ms, decoding {min(found['decode']) * 1000:.1f} ms."


def _milliseconds(values: list[float]) -> str:
    return f"{min(values) * 1000:.1f} ms (median {statistics.median(values) * 1000:.1f} ms)"
