"""The serving toolkits that strict mode stands in for, and how their answers differ from those of our own server."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.servers import ModelServer


@dataclass(frozen=True, slots=True)
class Family:
    """One toolkit's rules.

    Attributes:
        name: What ``--family`` calls it.
        title: What it stands in for.
        front: Which HTTP server is in front of the hooks: ``model-server`` (Java, with workers of its own) or ``wsgi``.
        error_status: Status of every error of a hook, whatever was wrong.
        errors: What such an error looks like: ``traceback``, ``json`` or ``html``.
        default_content_type: What the hook is told of a request without a Content-Type; None for nothing.
        accept_from_environment: Whether SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT says what a request without ``Accept``, or
            with ``*/*``, asks for. Else, and without that variable, it is JSON.
        takes_type: Whether a hook may say the content type of its answer; else it is ``Accept``, word for word.
        pings_before_loading: Whether ``/ping`` is 200 while, and although, the model is not there.
        limits_bodies: Whether there is a limit for requests and answers.
    """

    name: str
    title: str
    front: str
    error_status: int
    errors: str
    default_content_type: str | None
    accept_from_environment: bool
    takes_type: bool
    pings_before_loading: bool
    limits_bodies: bool


_MMS = Family(
    name="mms",
    title="sagemaker-inference on Multi Model Server",
    front="model-server",
    error_status=500,
    errors="traceback",
    default_content_type=None,
    accept_from_environment=True,
    takes_type=True,
    pings_before_loading=True,
    limits_bodies=True,
)
_SKLEARN = Family(
    name="sklearn",
    title="sagemaker-containers, as in the scikit-learn images",
    front="wsgi",
    error_status=500,
    errors="html",
    default_content_type="application/json",
    accept_from_environment=True,
    takes_type=True,
    pings_before_loading=False,
    limits_bodies=False,
)

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        _MMS,
        replace(_MMS, name="torchserve", title="sagemaker-pytorch-inference on TorchServe"),
        replace(
            _MMS,
            name="huggingface",
            title="sagemaker-huggingface-inference-toolkit on Multi Model Server",
            error_status=400,
            errors="json",
            accept_from_environment=False,
            takes_type=False,
        ),
        _SKLEARN,
        replace(_SKLEARN, name="xgboost", title="sagemaker-containers, as in the XGBoost images"),
    )
}
"""Name -> rules."""


def family_of(container: ContainerSpec) -> Family:
    """The family of the container's model server.

    Raises:
        UsageError: Strict mode has no rules for it.
    """
    name = container.model_server
    if name == ModelServer.MMS and "huggingface" in f"{container.image.repository} {container.image.uri}":
        name = "huggingface"
    if name in FAMILIES:
        return FAMILIES[name]
    if name == ModelServer.BUILTIN:
        raise UsageError(
            "strict mode is for other servers than our own, which is what a process runs anyway.",
            remedy="Leave strict out.",
        )
    raise UsageError(
        f"strict mode has no rules for the model server {name!r}; it has them for {', '.join(FAMILIES)}.",
        remedy="Run the container itself: mode=Mode.LOCAL_CONTAINER.",
    )
