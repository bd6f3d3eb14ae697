"""Values as MLflow's scoring server takes and gives them: JSON with ``inputs``, ``dataframe_split``, ``predictions``.

The server makes arrays of ``inputs`` and a DataFrame of ``dataframe_split`` before any code of a model sees them, so
only what survives that travels so: numbers in arrays, dicts of them, and tables of plain columns. Everything else is
one JSON text in ``inputs``, in its own codec's plain form. Answers hold that form as it is.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Dict, Mapping, Optional

from .base import JSON, Codec
from .json_text import read_json, write_json
from .payload_errors import CodecError
from .registry import open_codec

INPUTS, PREDICTIONS = "inputs", "predictions"
_TABLES = ("dataframe_split", "dataframe_records")
_ARRAYS = (INPUTS, "instances")


class MlflowMessagesCodec(Codec):
    """Another codec's values as the server's messages.

    ``spec`` has the ``direction`` (``inputs`` or ``predictions``), the ``form`` (``frame``, ``array``, ``arrays`` or
    ``document``) and the other codec's description as ``item``.
    """

    name: ClassVar[str] = "mlflow_messages"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self._whole = open_codec(spec["item"])
        self._form: str = spec["form"]

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:  # noqa: ARG003 - a server's wish, never a sample's
        return None

    def received(self, data: Any) -> Any:
        """The value of what the server made of a request: a DataFrame, an array or a dict of arrays.

        Raises CodecError, whatever it is.
        """
        return self._value(_as_plain(data))

    def answer(self, value: Any) -> Any:
        """``value`` as JSON data for the server to send. Raises CodecError."""
        plain = self._plain(self.checked(value))
        return read_json(write_json(plain))  # NaN as null: the server would write a word that is not JSON

    def encode(self, value: Any, content_type: str) -> Any:
        plain = self._plain(value)
        if self.spec["direction"] == PREDICTIONS:
            return write_json({PREDICTIONS: plain})
        if self._form == "frame":
            return write_json({"dataframe_split": plain})
        if self._form == "document":
            return write_json({INPUTS: [write_json(plain).decode("utf-8")]})
        return write_json({INPUTS: plain})

    def decode(self, body: Any, content_type: str) -> Any:
        if self.spec["direction"] == PREDICTIONS:
            found = _read_answer(body)
            if not isinstance(found, dict) or PREDICTIONS not in found:
                raise CodecError('expected {"predictions": ...}.')
            return self._whole.from_plain(found[PREDICTIONS])
        found = read_json(body)
        names = _TABLES if self._form == "frame" else _ARRAYS
        chosen = [name for name in names if name in found] if isinstance(found, dict) else []
        if len(chosen) != 1 or len(found) != 1:
            raise CodecError(f'expected {{"{names[0]}": ...}} and nothing else.')
        return self._value(found[chosen[0]])

    def to_plain(self, value: Any) -> Any:
        return self._whole.to_plain(value)

    def from_plain(self, plain: Any) -> Any:
        return self._whole.from_plain(plain)

    def difference(self, value: Any) -> Optional[str]:
        return self._whole.difference(value)

    def summary(self) -> str:
        return f"{self._whole.summary()} as MLflow's JSON"

    def json_schema(self) -> Dict[str, Any]:
        inner = self._whole.json_schema()
        if self.spec["direction"] == PREDICTIONS:
            return {"type": "object", "properties": {PREDICTIONS: inner}, "required": [PREDICTIONS]}
        key = "dataframe_split" if self._form == "frame" else INPUTS
        if self._form == "frame":
            inner = inner["anyOf"][0]
        elif self._form == "document":
            text = {"type": "string", "contentMediaType": JSON, "contentSchema": inner}
            inner = {"type": "array", "prefixItems": [text], "minItems": 1, "maxItems": 1}
        return {"type": "object", "properties": {key: inner}, "required": [key], "additionalProperties": False}

    def example(self) -> Any:
        return self._whole.example()

    def _plain(self, value: Any) -> Any:
        plain = self._whole.to_plain(value)
        if self._form == "frame" and self.spec["direction"] == PREDICTIONS and "index" not in plain:
            names = plain["columns"]
            return [dict(zip(names, row)) for row in plain["data"]]  # noqa: B905 - containers may run Python 3.8
        return plain

    def _value(self, plain: Any) -> Any:
        if self._form == "document":
            if not isinstance(plain, list) or len(plain) != 1 or not isinstance(plain[0], str):
                raise CodecError(f'expected {{"{INPUTS}": ["..."]}} with one JSON text, which holds the value.')
            return self._whole.from_plain(read_json(_as_bytes(plain[0])))
        if self._form == "arrays" and not isinstance(plain, dict):
            raise CodecError(f'expected {{"{INPUTS}": {{...}}}} with one array for each name.')
        return self._whole.from_plain(plain)


def _as_plain(data: Any) -> Any:
    """JSON data again, of arrays and a DataFrame that were made of it."""
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        columns = [data.iloc[:, place].tolist() for place in range(len(data.columns))]
        rows = [list(row) for row in zip(*columns)] if columns else []  # noqa: B905 - containers may run Python 3.8
        plain = {"columns": data.columns.tolist(), "data": rows}
        index = data.index.tolist()
        return plain if index == list(range(len(index))) else {**plain, "index": index}
    if isinstance(data, Mapping):
        return {key: _as_plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_as_plain(item) for item in data]
    return data.tolist() if hasattr(data, "tolist") else data


def _as_bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise CodecError("the text holds a lone surrogate, which is not UTF-8.") from None


def _read_answer(body: Any) -> Any:
    """The server's JSON, in which Python's words NaN and Infinity may stand."""
    try:
        return read_json(body)
    except CodecError:
        try:
            return json.loads(bytes(body).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise CodecError(f"the body is not valid JSON: {error}.") from None


CODEC = MlflowMessagesCodec
