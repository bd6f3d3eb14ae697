"""The plan for one bundle: everything that the later steps of build() write down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.building.capture import Captured, unfit_prediction
from cdk_modelbuilder.building.runtime import Runtime
from cdk_modelbuilder.container_spec import ModelData
from cdk_modelbuilder.dependencies.local_source import LocalSource
from cdk_modelbuilder.errors import SelfTestError
from cdk_modelbuilder.golden import alike, golden_json
from cdk_modelbuilder.schema.codecs import CodecError, Marshaller
from cdk_modelbuilder.schema.codecs import decode as decode_body
from cdk_modelbuilder.schema.schema_builder import SchemaBuilder, schema_json
from cdk_modelbuilder.servers import ServerAdapter

if TYPE_CHECKING:
    from cdk_modelbuilder.building.language_model_plan import ServingPlan


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is packaged.

    Attributes:
        framework: Name and version, for ``bundle.json``.
        description: Class, data format and the like, for ``bundle.json``.
        notes: What the user should know.
        template: Template of the loading and predicting code.
        template_values: Values for it.
        source: The user's source, which the running code may add to.
        runtime: The image, and what is known about the packages.
        schema: The samples.
        data_folder: Where the model's own files are, below the bundle's model folder.
        model_source: What is elsewhere or read by the server itself, or None.
        model_data: What is mounted, if it is not the bundle's own files.
        serving: How a language model is served; None for other models.
        expected: The in-memory prediction for the sample, or None where there is none.
    """

    framework: Mapping[str, str]
    description: Mapping[str, Any]
    notes: tuple[str, ...]
    template: str
    template_values: Mapping[str, Any]
    source: LocalSource
    runtime: Runtime
    schema: SchemaBuilder
    data_folder: str = ""
    model_source: Any = None
    model_data: ModelData | None = None
    serving: ServingPlan | None = None
    expected: Any = field(default=None)

    @property
    def server(self) -> ServerAdapter:
        """The model server."""
        return self.runtime.host.server

    @property
    def marshaller(self) -> Marshaller:
        """Both codecs."""
        return self.runtime.marshaller

    @property
    def schema_json(self) -> dict[str, Any]:
        """Plain data for ``schema.json``."""
        return schema_json(self.marshaller)

    def prediction_in(self, response: bytes, response_type: str) -> Any:
        """The prediction in an answer to the sample.

        Raises:
            SelfTestError: It does not look like the output sample, or is not what the model says in memory.
        """
        try:
            prediction = decode_body(self.marshaller.output, response, response_type)
        except CodecError as error:
            raise unfit_prediction(str(error)) from None
        if self.expected is not None and not alike(prediction, self.expected):
            raise SelfTestError(
                "the packaged model predicts something else than the model in memory.",
                remedy="The model depends on state that its file format does not keep; package it as an InferenceSpec.",
            )
        return prediction

    def golden(self, captured: Captured) -> dict[str, Any]:
        """The request and the response, as ``golden.json`` keeps them."""
        response = captured.response, captured.response_type
        request = self.marshaller.encode_request(self.schema.sample_input)
        return golden_json(request, response, self._as_json(self.prediction_in(*response)))

    def _as_json(self, prediction: Any) -> tuple[Any, str] | None:
        if "application/json" not in self.marshaller.output.written_types:
            return None
        try:
            return self.marshaller.encode_response(prediction, "application/json")
        except CodecError:  # this one cannot be written so, as bytes without a text
            return None
