"""How the answers of SageMaker's serving toolkits differ: those that call model_fn, input_fn, predict_fn, output_fn."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ToolkitRules:
    """One toolkit's rules.

    Attributes:
        error_status: Status of every error of a hook, whatever was wrong.
        errors: What such an error looks like: ``traceback``, ``json`` or ``html``.
        default_content_type: What the hook is told of a request without a Content-Type; None for nothing.
        accept_from_environment: Whether SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT says what a request without ``Accept``, or
            with ``*/*``, asks for. Else, and without that variable, it is JSON.
        takes_type: Whether a hook may say the content type of its answer; else it is ``Accept``, word for word.
        own_module: The toolkit's module, by whose presence a program knows where it runs.
        behind: Which HTTP server is in front of the hooks: ``model-server`` (Java, with workers of its own) or
            ``gunicorn``.
    """

    error_status: int
    errors: str
    default_content_type: str | None
    accept_from_environment: bool
    takes_type: bool
    own_module: str
    behind: str


_MMS = ToolkitRules(
    error_status=500,
    errors="traceback",
    default_content_type=None,
    accept_from_environment=True,
    takes_type=True,
    own_module="",
    behind="model-server",
)
_CONTAINERS = ToolkitRules(
    error_status=500,
    errors="html",
    default_content_type="application/json",
    accept_from_environment=True,
    takes_type=True,
    own_module="",
    behind="gunicorn",
)

TOOLKITS: dict[str, ToolkitRules] = {
    "mms": _MMS,
    "torchserve": _MMS,
    "huggingface": replace(
        _MMS,
        error_status=400,
        errors="json",
        accept_from_environment=False,
        takes_type=False,
        own_module="sagemaker_huggingface_inference_toolkit",
    ),
    "sklearn": _CONTAINERS,
    "xgboost": _CONTAINERS,
}
"""Name of a family -> rules."""
