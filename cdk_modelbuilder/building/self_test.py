"""Proves a bundle on its samples before build() calls it done: the generated code, the real model, all conversions."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import SelfTestError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.signature import BundleKey
from cdk_modelbuilder.schema.codecs import CodecError, Marshaller, UnfitPredictionError
from cdk_modelbuilder.schema.codecs import decode as decode_body
from cdk_modelbuilder.serving.hooks import loaded_aside

TIMEOUT_SECONDS = 600
UNFIT = UnfitPredictionError.__name__


def answer_in_process(bundle: ModelBundle, body: bytes, content_type: str) -> tuple[bytes, str]:
    """Response body and content type for one request, by the generated code in this process.

    Raises:
        SelfTestError: A hook failed; the message holds the reason.
    """
    try:
        with loaded_aside(bundle.model_dir, vouched_root=bundle.root_sha256) as hooks:
            response, response_type = hooks.answer(hooks.model_fn(str(bundle.model_dir)), body, content_type, "*/*")
            return bytes(response), response_type
    except Exception as error:
        if type(error).__name__ == UNFIT:  # of the bundle's own copy of the codecs
            raise unfit_prediction(str(error)) from error
        raise _failure("the model failed on sample_input", error) from error


def answer_in_child(bundle: ModelBundle, body: bytes, content_type: str) -> tuple[bytes, str]:
    """The same in a fresh interpreter that sees the bundle and the installed packages, not the caller's folder.

    So a local module that was not shipped is missing here as it would be in the container.

    Raises:
        SelfTestError: The child failed; the message ends with its last lines.
    """
    package_home = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory() as neutral:
        try:
            child = subprocess.run(
                [
                    *(sys.executable, "-m", "cdk_modelbuilder.serving.once"),
                    *(str(bundle.model_dir.resolve()), content_type, "*/*", bundle.root_sha256),
                ],
                input=body,
                capture_output=True,
                cwd=neutral,
                env={**os.environ, **bundle.container.environment, "PYTHONPATH": package_home, "PYTHONSAFEPATH": "1"},
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SelfTestError(
                f"the model gave no answer to sample_input within {TIMEOUT_SECONDS} s.",
                remedy="Give a smaller sample, or find out what load() or invoke() waits for.",
            ) from None
    if child.returncode != 0:
        lines = child.stderr.decode(errors="replace").strip().splitlines()
        unfit = next((line.partition(f"{UNFIT}: ")[2] for line in reversed(lines) if f"{UNFIT}: " in line), None)
        if unfit:
            raise unfit_prediction(unfit)
        missing = next((line for line in reversed(lines) if line.startswith("ModuleNotFoundError")), None)
        remedy = (
            "The module is neither installed nor shipped: import it at the top of the spec's module, or name it in "
            "dependencies={'custom': [...]}."
            if missing
            else "Run load() and invoke() on the sample by hand to see it; the lines above are from a fresh process."
        )
        tail = "\n".join(lines[-15:])
        raise SelfTestError(f"the packaged code failed on sample_input in a fresh process:\n{tail}\n", remedy=remedy)
    response_type, _, response = child.stdout.partition(b"\n")
    return response, response_type.decode()


def check_seal(bundle: ModelBundle, key: BundleKey) -> None:
    """Check what a start checks, but for the contents, which were hashed a moment ago: signature, pins and listing.

    Raises:
        SelfTestError: The bundle would be refused when it starts.
    """
    try:
        signature = verifier.parse_json_object(bundle.signature, verifier.SIGNATURE_NAME)
        verifier.check_signature(bundle.manifest.data, signature, key.secret, bundle.key_id)
        found = set(verifier.list_files(bundle.model_dir))
    except verifier.IntegrityError as error:
        raise SelfTestError("the bundle does not verify:", remedy=str(error)) from None
    if found != set(bundle.manifest.files):
        changed = min(found ^ set(bundle.manifest.files))
        raise SelfTestError(
            f"{changed} came or went while the bundle was built.",
            remedy="Does something else write there? Build again.",
        )


def check_samples(marshaller: Marshaller, sample_input: Any, sample_output: Any) -> None:
    """Encode and decode both samples in every content type of the schema.

    Raises:
        SelfTestError: A sample does not survive.
    """
    for place, codec, sample in (
        ("sample_input", marshaller.input, sample_input),
        ("sample_output", marshaller.output, sample_output),
    ):
        for content_type in codec.written_types:
            if "*" in content_type:
                continue
            try:
                body = codec.encode(sample, content_type)
                decode_body(codec, body, codec.label(content_type, body))
            except CodecError as error:
                raise SelfTestError(
                    f"{place} does not survive as {content_type}: {error}",
                    remedy="Give a sample of another type; the error says what is in the way.",
                ) from error


def unfit_prediction(reason: str) -> SelfTestError:
    """The error for an answer that is not like the sample, whichever side noticed it."""
    return SelfTestError(
        f"the prediction for sample_input does not look like sample_output: {reason}",
        remedy="Give as sample_output what the model returns for sample_input.",
    )


def _failure(what: str, error: Exception) -> SelfTestError:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return SelfTestError(
        f"{what}: {type(error).__name__}: {error} (at {Path(place.filename).name}:{place.lineno}).",
        remedy="Give a sample of the kind that the model was trained on.",
    )
