"""Turns a schema into one of the messages of MLflow's scoring server."""

from __future__ import annotations

from cdk_modelbuilder.errors import SchemaError
from cdk_modelbuilder.schema.codecs import Codec, Marshaller
from cdk_modelbuilder.schema.codecs.mlflow_messages import INPUTS, PREDICTIONS, MlflowMessagesCodec
from cdk_modelbuilder.schema.codecs.registry import open_codec
from cdk_modelbuilder.schema.tensor_schema import described, parts_of, plain_columns


def as_mlflow_messages(marshaller: Marshaller) -> Marshaller:
    """``marshaller`` with both directions as the server's messages.

    Raises:
        SchemaError: A stream, which the server has no place for.
    """
    return Marshaller(_wrapped(marshaller.input, INPUTS), _wrapped(marshaller.output, PREDICTIONS))


def _wrapped(codec: Codec, direction: str) -> MlflowMessagesCodec:
    if codec.name == "stream":
        raise SchemaError(
            "the sample is a stream, which MLflow's scoring server does not answer with.",
            remedy="Give one value as sample_output, or take another model_server.",
        )
    return MlflowMessagesCodec({"direction": direction, "form": _form(codec), "item": described(codec)})


def _form(codec: Codec) -> str:
    columns = plain_columns(codec)
    if columns:
        return "document" if any(dtype == "uint64" for _, dtype in columns) else "frame"
    if _is_numeric(codec):
        return "array"
    parts = parts_of(codec)
    if parts is not None and parts[0] == "dict" and all(_is_numeric(open_codec(one)) for _, one in parts[1]):
        return "arrays"
    return "document"


def _is_numeric(codec: Codec) -> bool:
    """Whether its values are arrays of numbers with axes that NumPy makes the same again, told no dtype.

    It makes floats of large and small whole numbers together, so those of 64 bits without a sign are left out.
    """
    if codec.name != "numpy" or not codec.spec["shape"]:
        return False
    dtype = str(codec.spec["dtype"])
    return dtype[1:2] in "biuf" and dtype[2:] in ("1", "2", "4", "8") and dtype[1:] != "u8"
