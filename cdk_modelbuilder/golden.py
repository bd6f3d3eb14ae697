"""The golden test: a request and its answer, which the user asked to keep, to be asked again of any endpoint."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.errors import BundleError, GoldenTestError
from cdk_modelbuilder.schema.codecs import CodecError, open_schema_data

if TYPE_CHECKING:
    from cdk_modelbuilder.predictor import Predictor

_RELATIVE_TOLERANCE = 1e-6
"""Sums over threads, and other processors, may differ in the last bits."""


def golden_json(
    request: tuple[Any, str], response: tuple[Any, str], comparable: tuple[Any, str] | None = None
) -> dict[str, Any]:
    """Plain data for ``golden.json``: bodies and content types of a request and of the answer to it.

    Args:
        request: The request.
        response: The answer, in the form that the predictor asks for.
        comparable: The same answer as JSON, for who compares without the codec's libraries.
    """
    exchanges = {"request": request, "response": response, **({"comparable": comparable} if comparable else {})}
    return {
        name: {"base64": base64.b64encode(body).decode("ascii"), "content_type": content_type}
        for name, (body, content_type) in exchanges.items()
    }


def run_golden_test(golden: Mapping[str, Any], schema: Mapping[str, Any], predictor: Predictor) -> Any:
    """Send the kept request through ``predictor`` and compare the answer with the kept one; returns the answer.

    Numbers may differ by a millionth.

    Raises:
        BundleError: ``golden.json`` is malformed, or the schema cannot be opened here.
        PredictionError: The endpoint answered with an error.
        GoldenTestError: It answered something else.
    """
    found, kept = answers_to_golden(golden, schema, predictor)
    if not alike(found, kept):
        raise GoldenTestError(
            f"the endpoint answers {_short(found)} where the bundle's golden test has {_short(kept)}.",
            remedy="Does it serve this bundle, on the versions in requirements.lock?",
        )
    return found


def answers_to_golden(golden: Mapping[str, Any], schema: Mapping[str, Any], predictor: Predictor) -> tuple[Any, Any]:
    """The answer of ``predictor`` to the kept request, and the kept one, both decoded.

    Raises:
        BundleError: ``golden.json`` is malformed, or the schema cannot be opened here.
        PredictionError: The endpoint answered with an error.
        GoldenTestError: Its answer does not fit the schema.
    """
    try:
        marshaller = open_schema_data(schema)
        body, content_type = _exchange(golden, "request")
        kept = marshaller.decode_response(*_exchange(golden, "response"))
    except (CodecError, KeyError, TypeError, binascii.Error) as error:
        raise BundleError(f"the golden test cannot be read: {error}.", remedy="Build the bundle again.") from None
    answer = predictor.invoke(body, content_type=content_type, accept=marshaller.accept)
    try:
        return marshaller.decode_response(*answer), kept
    except CodecError as error:
        raise GoldenTestError(
            f"the endpoint's answer does not fit the schema: {error}", remedy="Does it serve this bundle?"
        ) from None


def alike(found: Any, expected: Any) -> bool:
    """Whether two predictions are equal but for the last bits of their numbers."""
    if dataclasses.is_dataclass(expected) and not isinstance(expected, type):
        return type(found) is type(expected) and alike(_fields_of(found), _fields_of(expected))
    if isinstance(expected, Mapping):
        known = isinstance(found, Mapping) and found.keys() == expected.keys()
        return known and all(alike(found[key], expected[key]) for key in expected)
    if isinstance(expected, list | tuple):
        known = isinstance(found, list | tuple) and len(found) == len(expected)
        return known and all(alike(one, other) for one, other in zip(found, expected, strict=True))
    if isinstance(expected, float) and isinstance(found, int | float):
        same_nan = math.isnan(expected) and math.isnan(found)
        return same_nan or math.isclose(found, expected, rel_tol=_RELATIVE_TOLERANCE)
    if hasattr(expected, "columns") and hasattr(expected, "shape"):  # a table
        columns = list(expected.columns)
        known = list(getattr(found, "columns", ())) == columns and found.shape == expected.shape
        return known and all(_arrays_alike(found[name], expected[name]) for name in columns)
    if hasattr(expected, "toarray"):  # a sparse matrix
        return hasattr(found, "toarray") and _arrays_alike(found.toarray(), expected.toarray())
    if "numpy" not in sys.modules or isinstance(expected, str | bytes | type(None)):
        return bool(found == expected)
    return _arrays_alike(found, expected)


def _fields_of(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def _arrays_alike(found: Any, expected: Any) -> bool:
    import numpy as np  # noqa: PLC0415 - loaded already

    try:
        one, other = np.asarray(found), np.asarray(expected)
        if one.shape != other.shape:
            return False
        if other.dtype.kind in "biufc":
            return bool(np.allclose(one, other, rtol=_RELATIVE_TOLERANCE, atol=0, equal_nan=True))
        return bool((one.astype(str) == other.astype(str)).all())
    except (TypeError, ValueError):
        return bool(repr(found) == repr(expected))


def _exchange(golden: Mapping[str, Any], name: str) -> tuple[bytes, str]:
    return base64.b64decode(golden[name]["base64"], validate=True), str(golden[name]["content_type"])


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 200 else text[:197] + "..."
