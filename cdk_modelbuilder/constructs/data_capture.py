"""Data capture: a share of the requests and answers, kept in S3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from cdk_modelbuilder.constructs.arguments import check_choice, check_s3_uri, check_whole
from cdk_modelbuilder.constructs.permissions import Statement, use_key, write_prefix
from cdk_modelbuilder.errors import UsageError

CAPTURE_MODES = ("Input", "Output", "InputAndOutput")


@dataclass(frozen=True, kw_only=True)
class DataCapture:
    """What is kept, and where. Captured payloads are the callers' data. Source: ``DataCaptureConfig``.

    Attributes:
        destination_s3_uri: Prefix in S3.
        sampling_percentage: Share of the requests, 0 to 100.
        capture: ``Input`` and ``Output``, or one of them.
        csv_content_types: Content types to keep as CSV text, not as base64.
        json_content_types: Content types to keep as JSON text.
        encryption_key: Key for what is kept.
        enabled: False keeps the configuration and captures nothing.

    Raises:
        UsageError: A place that is not in S3, a number out of range.
    """

    destination_s3_uri: str
    sampling_percentage: int = 100
    capture: Sequence[str] = ("Input", "Output")
    csv_content_types: Sequence[str] = ()
    json_content_types: Sequence[str] = ()
    encryption_key: kms.IKey | None = None
    enabled: bool = True

    def __post_init__(self) -> None:
        check_s3_uri("destination_s3_uri", self.destination_s3_uri)
        check_whole("sampling_percentage", self.sampling_percentage, 0, 100)
        if isinstance(self.capture, str) or not self.capture:
            raise UsageError(f"capture is {self.capture!r}.", remedy=f"Give a list of {', '.join(CAPTURE_MODES)}.")
        for mode in self.capture:
            check_choice("capture", mode, CAPTURE_MODES)

    def permissions(self) -> list[Statement]:
        """What the model's execution role needs."""
        statements = [write_prefix("WriteCapturedData", self.destination_s3_uri)]
        if self.encryption_key is not None:
            statements.append(use_key("EncryptCapturedData", self.encryption_key.key_arn))
        return statements

    def render(self) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
        """The L1 property."""
        config = sagemaker.CfnEndpointConfig
        types = None
        if self.csv_content_types or self.json_content_types:
            types = config.CaptureContentTypeHeaderProperty(
                csv_content_types=list(self.csv_content_types) or None,
                json_content_types=list(self.json_content_types) or None,
            )
        return config.DataCaptureConfigProperty(
            capture_options=[config.CaptureOptionProperty(capture_mode=mode) for mode in self.capture],
            destination_s3_uri=self.destination_s3_uri,
            initial_sampling_percentage=self.sampling_percentage,
            enable_capture=self.enabled,
            capture_content_type_header=types,
            kms_key_id=None if self.encryption_key is None else self.encryption_key.key_arn,
        )
