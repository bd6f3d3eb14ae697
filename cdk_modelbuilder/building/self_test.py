"""Proves a bundle on its samples before build() calls it done: the generated code, the real model, all conversions."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.building.capture import Capture, Captured, failure, unfit_prediction
from cdk_modelbuilder.building.rehearsal import Request, rehearse
from cdk_modelbuilder.building.rehearsal_startup import VOUCHED
from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.dependencies.delivery import write_source
from cdk_modelbuilder.dependencies.package_list import make_list
from cdk_modelbuilder.errors import SelfTestError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.signature import BundleKey
from cdk_modelbuilder.schema.codecs import CodecError, Marshaller, UnfitPredictionError
from cdk_modelbuilder.schema.codecs import decode as decode_body
from cdk_modelbuilder.serving.hooks import loaded_aside

if TYPE_CHECKING:
    from cdk_modelbuilder.building.plan import Plan

UNFIT = UnfitPredictionError.__name__


def answer_sample(plan: Plan, model_dir: Path, environment: Mapping[str, str]) -> Captured:
    """Run the sample through all four conversions and the generated code, and find out what that needs.

    What the code answers must be what the model says in memory. Nothing is sealed yet: what the code proves to need
    becomes a part of the bundle.

    Args:
        plan: The bundle's plan.
        model_dir: Its ``model/`` folder, complete but for packages and metadata.
        environment: The container's variables.

    Raises:
        SelfTestError: Something of it does not work, or gives another prediction than the model in memory.
        DependencyError: The code needs a package that cannot be pinned or shipped.
    """
    check_samples(plan.marshaller, plan.schema.sample_input, plan.schema.sample_output)
    if plan.server.template is None:
        return Captured({})
    body, content_type = plan.marshaller.encode_request(plan.schema.sample_input)
    request = Request(model_dir, body, content_type, environment)
    before = _files(model_dir)
    captured = _answered(plan, request)
    written = sorted(_files(model_dir) - before - {f"code/{path}" for path in captured.added})
    if written:
        raise SelfTestError(
            f"the code wrote {', '.join(written)} into the model's folder, which it finds read-only in a container.",
            remedy="Write to a folder of tempfile's, or make the file before and name its folder in artifacts=.",
        )
    return captured


def _answered(plan: Plan, request: Request) -> Captured:
    code, runtime = request.model_dir / "code", plan.runtime
    if runtime.terms.options.auto:
        return Capture(
            request,
            list_of=lambda roots: make_list(runtime.terms, roots),
            barred=runtime.terms.options.exclude,
            check=plan.prediction_in,
            evidence_of=runtime.packages_of,
            own=frozenset(plan.source.distributions),
        ).run(runtime.evidence, plan.source)
    write_source(make_list(runtime.terms, runtime.evidence.roots), code, frozenset(plan.source.distributions))
    if plan.source.files:  # proven in a fresh interpreter, where a module that was not shipped is really missing
        seen = rehearse(request, None)
        if seen.error:
            raise failure(seen)
        response, response_type = seen.response, seen.response_type
    else:
        response, response_type = _answer_in_process(request)
    plan.prediction_in(response, response_type)
    return Captured(runtime.evidence.roots, runtime.evidence.left_out, response, response_type)


def _answer_in_process(request: Request) -> tuple[bytes, str]:
    try:
        with loaded_aside(request.model_dir, vouched_root=VOUCHED) as hooks:
            model = hooks.model_fn(str(request.model_dir))
            response, response_type = hooks.answer(model, request.body, request.content_type, "*/*")
            return bytes(response), response_type
    except Exception as error:
        if type(error).__name__ == UNFIT:  # of the bundle's own copy of the codecs
            raise unfit_prediction(str(error)) from error
        raise _failure("the model failed on sample_input", error) from error


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


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


def _failure(what: str, error: Exception) -> SelfTestError:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return SelfTestError(
        f"{what}: {type(error).__name__}: {error} (at {Path(place.filename).name}:{place.lineno}).",
        remedy="Give a sample of the kind that the model was trained on.",
    )
