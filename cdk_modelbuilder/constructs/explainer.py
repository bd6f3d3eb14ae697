"""Online explanations by SageMaker Clarify: SHAP values with each answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Size
from aws_cdk import aws_sagemaker as sagemaker

from cdk_modelbuilder.constructs.arguments import check_choice, check_s3_uri, check_whole, mebibytes
from cdk_modelbuilder.errors import UsageError

_L1 = sagemaker.CfnEndpointConfig


@dataclass(frozen=True, kw_only=True)
class ShapBaseline:
    """The record that features are compared with; one of text and URI. Source: ``ClarifyShapBaselineConfig``.

    Attributes:
        record: The baseline itself, as the container takes it.
        s3_uri: Where it lies.
        mime_type: Of it, such as ``text/csv``.
    """

    record: str | None = None
    s3_uri: str | None = None
    mime_type: str | None = None

    def __post_init__(self) -> None:
        if (self.record is None) == (self.s3_uri is None):
            raise UsageError("a SHAP baseline is a record or an s3_uri.", remedy="Give one of them.")
        if self.s3_uri is not None:
            check_s3_uri("s3_uri", self.s3_uri)


@dataclass(frozen=True, kw_only=True)
class TextFeatures:
    """How texts are taken apart. Source: ``ClarifyTextConfig``.

    Attributes:
        language: Two-letter code, or ``xx`` for several.
        granularity: ``token``, ``sentence`` or ``paragraph``.
    """

    language: str
    granularity: str

    def __post_init__(self) -> None:
        check_choice("granularity", self.granularity, ("token", "sentence", "paragraph"))


@dataclass(frozen=True, kw_only=True)
class ClarifyExplainer:
    """Explanations of tabular or text models. Source: ``ClarifyExplainerConfig``.

    Attributes:
        baseline: What features are compared with.
        enable_explanations: JMESPath expression over an answer that says whether to explain it.
        number_of_samples: Samples for the kernel SHAP estimate.
        seed: For the same samples each time.
        use_logit: Explain log odds.
        text: For text features.
        feature_headers: Names of the features.
        feature_types: ``numerical``, ``categorical`` or ``text`` for each.
        features_attribute: JMESPath to the features in a request.
        content_template: How a JSON Lines request is made of features.
        label_attribute: JMESPath to the label in an answer.
        label_headers: Names of the labels.
        label_index: Column of the label.
        probability_attribute: JMESPath to the probability.
        probability_index: Column of the probability.
        max_record_count: Records in one request of the explainer.
        max_payload: Size of one request, 1 to 25 MiB.
    """

    baseline: ShapBaseline
    enable_explanations: str | None = None
    number_of_samples: int | None = None
    seed: int | None = None
    use_logit: bool | None = None
    text: TextFeatures | None = None
    feature_headers: Sequence[str] = ()
    feature_types: Sequence[str] = ()
    features_attribute: str | None = None
    content_template: str | None = None
    label_attribute: str | None = None
    label_headers: Sequence[str] = ()
    label_index: int | None = None
    probability_attribute: str | None = None
    probability_index: int | None = None
    max_record_count: int | None = None
    max_payload: Size | None = None

    def __post_init__(self) -> None:
        check_whole("number_of_samples", self.number_of_samples, 1)
        check_whole("max_record_count", self.max_record_count, 1)
        for kind in self.feature_types:
            check_choice("feature_types", kind, ("numerical", "categorical", "text"))

    def render(self) -> sagemaker.CfnEndpointConfig.ExplainerConfigProperty:
        """The L1 property."""
        text = self.text
        shap = _L1.ClarifyShapConfigProperty(
            shap_baseline_config=_L1.ClarifyShapBaselineConfigProperty(
                mime_type=self.baseline.mime_type,
                shap_baseline=self.baseline.record,
                shap_baseline_uri=self.baseline.s3_uri,
            ),
            number_of_samples=self.number_of_samples,
            seed=self.seed,
            use_logit=self.use_logit,
            text_config=None
            if text is None
            else _L1.ClarifyTextConfigProperty(granularity=text.granularity, language=text.language),
        )
        said = {
            "content_template": self.content_template,
            "feature_headers": list(self.feature_headers) or None,
            "features_attribute": self.features_attribute,
            "feature_types": list(self.feature_types) or None,
            "label_attribute": self.label_attribute,
            "label_headers": list(self.label_headers) or None,
            "label_index": self.label_index,
            "max_payload_in_mb": mebibytes("max_payload", self.max_payload, 1, 25),
            "max_record_count": self.max_record_count,
            "probability_attribute": self.probability_attribute,
            "probability_index": self.probability_index,
        }
        inference = None
        if any(value is not None for value in said.values()):
            inference = _L1.ClarifyInferenceConfigProperty(**said)  # type: ignore[arg-type]
        clarify = _L1.ClarifyExplainerConfigProperty(
            shap_config=shap, enable_explanations=self.enable_explanations, inference_config=inference
        )
        return _L1.ExplainerConfigProperty(clarify_explainer_config=clarify)
