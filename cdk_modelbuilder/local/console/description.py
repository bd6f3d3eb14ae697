"""What the console's form needs to know about a bundle: what it takes and gives, a sample, and who signed it."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any, TypeAlias

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.sample_request import sample_request
from cdk_modelbuilder.schema.codecs import CodecError, Marshaller, open_schema_data
from cdk_modelbuilder.schema.openapi import openapi_document

_INFERENCE_FILE = "code/inference.py"
_LONGEST_TEXT = 100_000
_Sample: TypeAlias = tuple[bytes, str]


def describe(bundle: ModelBundle) -> dict[str, Any]:
    """Plain data. It may import the library of the bundle's payloads, so it is not for an event loop's thread.

    Where the schema cannot be read here, ``problem`` says why, and the form offers any type.
    """
    container = bundle.container
    sample, problem = _sample(bundle)
    return {
        **_payloads(bundle, sample),
        "sample": sample and {"base64": base64.b64encode(sample[0]).decode("ascii"), "content_type": sample[1]},
        "sample_problem": problem,
        "max_payload_bytes": container.max_payload_bytes,
        "timeout_seconds": container.invocation_timeout_seconds,
        "model_server": container.model_server,
        "verified": container.verified,
        "verification": verification(bundle),
    }


def verification(bundle: ModelBundle) -> list[str]:
    """What is known about who made the bundle's files and what checks them, as sentences for a reviewer."""
    count = len(bundle.manifest.files)
    listed = f"{count} file with its SHA-256" if count == 1 else f"{count} files with their SHA-256"
    sentences = [
        f"The manifest lists {listed}; the root digest names them all, and the container spec pins it.",
        f"It is signed by HMAC with the bundle key {bundle.key_id}, which was made from the builder's master key.",
    ]
    if bundle.public_key_id is None:
        sentences.append("It has no public signature: only who has the master key can check who built it.")
    else:
        sentences.append(f"It is also signed with a private key; public key {bundle.public_key_id} verifies that.")
    if _INFERENCE_FILE in bundle.manifest.files:
        sentences.append(
            "As a process on this machine, this package's verifier checks signature and files before anything of the "
            "bundle is imported."
        )
    return [*sentences, _CHECKS.get(bundle.container.verified, _UNKNOWN_CHECK.format(bundle.container.verified))]


_CHECKS = {
    "entry-point": (
        "The image's entry point, which lies outside of the model's files, checks signature and files before anything "
        "else starts."
    ),
    "inference-code": (
        "In the container, the bundle's own code checks signature and files before it loads the model; who can replace "
        "that code can leave the check out."
    ),
    "nothing": (
        "In the container nothing checks the files: its server reads them without running any code of the bundle."
    ),
}
_UNKNOWN_CHECK = "What checks the files in the container is not known: container.json says {!r}."


def _payloads(bundle: ModelBundle, sample: _Sample | None) -> dict[str, Any]:
    try:
        marshaller = open_schema_data(bundle.schema)
        document = openapi_document(marshaller, name=bundle.name)
    except (CodecError, ImportError) as error:
        return {"problem": str(error), "request": {}, "response": {}, "schemas": {}}
    operation = document["paths"]["/invocations"]["post"]
    if sample is not None:
        _fill_in(operation["requestBody"]["content"], marshaller, sample)
    return {
        "problem": None,
        "request": operation["requestBody"],
        "response": operation["responses"]["200"],
        "schemas": document["components"]["schemas"],
    }


def _fill_in(contents: dict[str, Any], marshaller: Marshaller, sample: _Sample) -> None:
    """Put the sample in the place of the made-up examples, which the document has for each text type."""
    body, content_type = sample
    try:
        value = marshaller.decode_request(body, content_type)
    except CodecError:
        return  # of another build; the server says what is wrong with it
    for name, content in contents.items():
        if "example" in content:
            with contextlib.suppress(CodecError, ValueError, TypeError):
                text = bytes(marshaller.input.encode(value, name)).decode("utf-8")
                if len(text) <= _LONGEST_TEXT:
                    content["example"] = json.loads(text) if name == "application/json" else text


def _sample(bundle: ModelBundle) -> tuple[_Sample | None, str | None]:
    """Body and content type; or None, and why there is none."""
    try:
        body, content_type, _ = sample_request(bundle)
    except (UsageError, ImportError) as error:
        return None, str(error)
    return (body, content_type), None
