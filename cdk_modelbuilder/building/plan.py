"""The plan for one bundle: everything that the later steps of build() write down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cdk_modelbuilder.building.self_test import (
    answer_in_child,
    answer_in_process,
    check_samples,
    check_seal,
    unfit_prediction,
)
from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.dependencies.options import lock_text
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.errors import SelfTestError
from cdk_modelbuilder.golden import alike, golden_json
from cdk_modelbuilder.integrity.signature import BundleKey
from cdk_modelbuilder.schema.codecs import CodecError, Marshaller
from cdk_modelbuilder.schema.codecs import decode as decode_body
from cdk_modelbuilder.schema.schema_builder import SchemaBuilder, schema_json


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is packaged.

    Attributes:
        framework: Name and version, for ``bundle.json``.
        description: Class, data format and the like, for ``bundle.json``.
        model_server: Value of the model server that fits.
        image: Container image for ``container.json``.
        notes: What the user should know.
        template: Template of the loading and predicting code.
        template_values: Values for it.
        source_files: User source: path below ``code/`` -> bytes.
        needs_stub: Whether that source imports this package.
        pins: Every package that is needed.
        container_requirements: Those lines that the image does not fulfil already.
        marshaller: Both codecs.
        schema: The samples.
        expected: The in-memory prediction for the sample, or None where there is none.
    """

    framework: Mapping[str, str]
    description: Mapping[str, Any]
    model_server: str
    image: ImageReference
    notes: tuple[str, ...]
    template: str
    template_values: Mapping[str, Any]
    source_files: Mapping[str, bytes]
    needs_stub: bool
    pins: Sequence[Pin]
    container_requirements: Sequence[str]
    marshaller: Marshaller
    schema: SchemaBuilder
    expected: Any = field(default=None)

    @property
    def schema_json(self) -> dict[str, Any]:
        """Plain data for ``schema.json``."""
        return schema_json(self.marshaller)

    @property
    def lock_text(self) -> str:
        """``requirements.lock``."""
        return lock_text(list(self.pins))

    def self_test(self, bundle: ModelBundle, key: BundleKey) -> dict[str, Any]:
        """Run the samples through all four conversions and the generated code of ``bundle``.

        Returns the request and the response, as ``golden.json`` keeps them.

        Raises:
            SelfTestError: Something of it does not work, or gives another prediction than the model in memory.
        """
        check_seal(bundle, key)
        check_samples(self.marshaller, self.schema.sample_input, self.schema.sample_output)
        body, content_type = self.marshaller.encode_request(self.schema.sample_input)
        # User source is proven in a fresh interpreter, where a module that was not shipped is really missing.
        ask = answer_in_child if self.source_files else answer_in_process
        response, response_type = ask(bundle, body, content_type)
        try:
            prediction = decode_body(self.marshaller.output, response, response_type)
        except CodecError as error:
            raise unfit_prediction(str(error)) from None
        if self.expected is not None and not alike(prediction, self.expected):
            raise SelfTestError(
                "the packaged model predicts something else than the model in memory.",
                remedy="The model depends on state that its file format does not keep; package it as an InferenceSpec.",
            )
        return golden_json((body, content_type), (response, response_type), self._as_json(prediction))

    def _as_json(self, prediction: Any) -> tuple[Any, str] | None:
        if "application/json" not in self.marshaller.output.written_types:
            return None
        try:
            return self.marshaller.encode_response(prediction, "application/json")
        except CodecError:  # this one cannot be written so, as bytes without a text
            return None
