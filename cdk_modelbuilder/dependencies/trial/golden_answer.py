"""The request that a trial sends, and whether the answer is the one that the bundle keeps."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from cdk_modelbuilder.bundle import GOLDEN_FILE, ModelBundle
from cdk_modelbuilder.errors import BundleError
from cdk_modelbuilder.golden import alike
from cdk_modelbuilder.schema.codecs import CodecError, open_schema_data


@dataclass(frozen=True, slots=True)
class Sample:
    """One request.

    Attributes:
        body: Its bytes.
        content_type: Its content type.
    """

    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class GoldenExchange:
    """The golden test of a bundle: a request and the answer to it.

    Attributes:
        sample: The request.
        answer: The kept answer, as JSON where the bundle has it in that form too.
        answer_type: Its content type.
    """

    sample: Sample
    answer: bytes
    answer_type: str

    def agrees(self, answer: bytes, content_type: str, bundle: ModelBundle) -> bool:
        """Whether ``answer`` says the same, up to a millionth in its numbers.

        Raises:
            CodecError: The answer does not fit the schema.
        """
        if self.answer_type == content_type == "application/json":
            return alike(json.loads(answer), json.loads(self.answer))
        marshaller = open_schema_data(bundle.schema)
        try:
            kept = marshaller.decode_response(self.answer, self.answer_type)
        except CodecError:
            return answer == self.answer  # what decodes it is not installed here
        return alike(marshaller.decode_response(answer, content_type), kept)


def golden_exchange(bundle: ModelBundle) -> GoldenExchange | None:
    """The bundle's golden test; None if it was built without keeping its samples.

    Raises:
        BundleError: It cannot be read.
    """
    path = bundle.path / GOLDEN_FILE
    try:
        golden: dict[str, Any] = json.loads(path.read_bytes())
        request, answer = golden["request"], golden.get("comparable", golden["response"])
        return GoldenExchange(
            Sample(base64.b64decode(request["base64"], validate=True), str(request["content_type"])),
            base64.b64decode(answer["base64"], validate=True),
            str(answer["content_type"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, binascii.Error) as error:
        raise BundleError(
            f"{path} cannot be read: {type(error).__name__}: {error}.", remedy="Restore the file, or build again."
        ) from None
