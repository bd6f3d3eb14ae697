"""What MLflow's scoring server makes of a request's body before it calls a model without a signature.

Source: mlflow/mlflow 3.17.2, ``mlflow/pyfunc/scoring_server/__init__.py``, ``mlflow/utils/proto_json_utils.py`` and
``mlflow/pyfunc/utils/serving_data_parser.py``.
"""

from __future__ import annotations

import io
import json
import traceback
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

_CSV, _JSON, _PARQUET = "text/csv", "application/json", "application/vnd.apache.parquet"
_TYPES = [_CSV, _JSON, _PARQUET]
_FORMATS = ("dataframe_records", "dataframe_split", "inputs", "instances")
_CHAT_KEYS = ("messages", "prompt", "input")
"""A request with one of these reaches the model as it is, and the answer is sent without ``predictions`` around it."""

_WANTED = (
    "The input must be a JSON dictionary with exactly one of the input fields "
    f"{{{', '.join(repr(name) for name in _FORMATS)}}}"
)


class BadRequestError(Exception):
    """An answer of status 400.

    Attributes:
        trace: The traceback that the answer shows, if any.
    """

    def __init__(self, message: str, *, trace: str | None = None) -> None:
        super().__init__(message)
        self.trace = trace


class UnknownTypeError(Exception):
    """A content type that the server does not know."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the model is called with.

    Attributes:
        data: A DataFrame, an array, a dict of arrays, or JSON data.
        is_bare: Whether the answer is sent without ``predictions`` around it.
    """

    data: Any
    is_bare: bool = False


def read_request(body: bytes, kind: str, content_type: str) -> Read:
    """``body`` of the media type ``kind``.

    Args:
        body: The body.
        kind: The type without its parameters.
        content_type: The whole header, for the message.

    Raises:
        BadRequestError: It is not what the type says.
        UnknownTypeError: The server does not know the type.
    """
    if kind == _CSV:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _invalid(f"Ensure that input is a valid UTF-8 encoded string. Error: '{error!r}'") from error
        return Read(_table("CSV-formatted Pandas DataFrame", "to_csv", lambda pd: pd.read_csv(io.StringIO(text))))
    if kind == _JSON:
        return _from_json(body)
    if kind == _PARQUET:
        return Read(_table("Parquet Pandas DataFrame", "to_parquet", lambda pd: pd.read_parquet(io.BytesIO(body))))
    raise UnknownTypeError(
        f"This predictor only supports the following content types: Types: {_TYPES}. Got '{content_type}'."
    )


def _invalid(message: str) -> BadRequestError:
    return BadRequestError(f"Invalid input. {message}")


def _table(what: str, writer: str, read: Any) -> Any:
    import pandas as pd  # noqa: PLC0415 - only servers of tables need it

    try:
        return read(pd)
    except Exception as error:
        raise BadRequestError(
            f"Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid {what} produced using the"
            f" `pandas.DataFrame.{writer}()` method. Error: '{error}'",
            trace=traceback.format_exc(),
        ) from error


def _from_json(body: bytes) -> Read:
    try:
        found = json.loads(body)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _invalid(
            f"Ensure that input is a valid JSON formatted string. Error: '{error!r}'\nInput: \n{body!r}\n"
        ) from error
    if isinstance(found, list):
        raise _invalid(f"{_WANTED}. Received a list.")
    if not isinstance(found, dict):
        raise _invalid(f"{_WANTED}. Received unexpected input type '{type(found)}.")
    if any(key in found for key in _CHAT_KEYS):
        return Read(found, is_bare=True)
    given = [name for name in found if name in _FORMATS]  # any other field is dropped in silence
    if len(given) != 1:
        raise BadRequestError(f"{_WANTED}. Received dictionary with input fields: {given}.")
    (name,) = given
    return Read(_READERS[name](found[name]))


def _from_records(data: Any) -> Any:
    import pandas as pd  # noqa: PLC0415

    if not isinstance(data, list):
        kind = "dictionary" if isinstance(data, dict) else f"type {type(data)}"
        raise _invalid(f"Dataframe records format must be a list of records. Got {kind}.")
    try:
        return pd.DataFrame(data=data)
    except Exception as error:
        raise _invalid(_no_table("records", error)) from error


def _from_split(data: Any) -> Any:
    import pandas as pd  # noqa: PLC0415

    if not isinstance(data, dict):
        kind = "list" if isinstance(data, list) else f"type {type(data)}"
        raise _invalid(f"Dataframe split format must be a dictionary. Got {kind}.")
    keys = set(data)
    if "data" not in keys or keys - {"columns", "data", "index"}:
        raise _invalid(
            "Dataframe split format must have 'data' field and optionally 'columns' and 'index' fields. "
            f"Got {{{', '.join(sorted(repr(key) for key in keys))}}}.'"
        )
    try:
        return pd.DataFrame(index=data.get("index"), columns=data.get("columns"), data=data["data"])
    except Exception as error:
        raise _invalid(_no_table("split", error)) from error


def _no_table(orient: str, error: Exception) -> str:
    return (
        f"Provided dataframe_{orient} field is not a valid dataframe representation in '{orient}' format. "
        f"Error: '{error}'"
    )


def _from_inputs(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _array(value) for name, value in data.items()}
    if isinstance(data, list) and all(isinstance(item, dict) for item in data):
        return [{name: _array(value) for name, value in item.items()} for item in data]
    return _array(data)


def _from_instances(data: Any) -> Any:
    import numpy as np  # noqa: PLC0415

    try:
        if isinstance(data, list) and data and isinstance(data[0], dict):
            columns = defaultdict(list)
            for item in data:
                for name, value in item.items():
                    columns[name].append(_array(value))
            found: Any = {name: np.array(values) for name, values in columns.items()}
        else:
            found = _from_inputs(data)
        if isinstance(found, dict) and len({len(values) for values in found.values()}) > 1:
            raise _invalid("The length of values for each input/column name are not the same")
    except BadRequestError:
        raise
    except Exception as error:
        raise _invalid(f"Ensure that the input is a valid JSON-formatted string.\nError: {error!r}") from error
    return found


def _array(data: Any) -> Any:
    import numpy as np  # noqa: PLC0415

    try:
        return np.array(data)
    except Exception as error:
        raise _invalid(str(error)) from error


_READERS = {
    "dataframe_records": _from_records,
    "dataframe_split": _from_split,
    "inputs": _from_inputs,
    "instances": _from_instances,
}
