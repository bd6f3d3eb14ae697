"""Where a request goes: variant, component, container, target model, and the copies of a session.

Errors: see ``api_error.py`` for where their texts are from. What SageMaker says to an unknown variant, component or
container is not published; those texts are made like that of an unknown endpoint.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from cdk_modelbuilder.local.gateway import headers as names
from cdk_modelbuilder.local.gateway.api_error import ApiError, throttled, too_large, validation_error
from cdk_modelbuilder.local.gateway.copies import CopySet
from cdk_modelbuilder.local.gateway.one_copy import Copy
from cdk_modelbuilder.local.gateway.served import REAL_TIME_BYTES, SERVERLESS_BYTES, Served, ServedEndpoint

Headers = Mapping[bytes, bytes]
_TARGETS = frozenset(
    (
        *(names.EXPLANATIONS, names.SESSION, names.COMPONENT),
        *(names.TARGET_VARIANT, names.TARGET_MODEL, names.TARGET_CONTAINER),
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """Who answers a request.

    Attributes:
        served: The variant's or component's model.
        stages: Container name and copies, in the order of the calls.
        held: The one copy of each stage that may answer, if the request belongs to a session.
        loading: Whether a model that is still loading is waited for.
        headers: Headers that the gateway adds for the container.
    """

    served: Served
    stages: tuple[tuple[str, CopySet], ...]
    held: tuple[Copy, ...] = ()
    loading: bool = False
    headers: Headers | None = None


def choose(endpoint: ServedEndpoint, headers: Headers, size: int, choice: random.Random) -> Target | ApiError:
    """The target of a request with these headers, and a body of ``size`` bytes; or why there is none."""
    if endpoint.variants and _TARGETS.isdisjoint(headers):  # most requests
        return _plain(endpoint, _by_weight(endpoint, choice), size)
    if names.EXPLANATIONS in headers:
        return _no_explanations(endpoint)
    session = headers.get(names.SESSION)
    if session is not None and session != b"NEW_SESSION":
        held = endpoint.sessions.find(session, time.time())
        return held or _not_found(endpoint, "Session", session)
    served = _variant(endpoint, headers, choice) if endpoint.variants else _component(endpoint, headers)
    if isinstance(served, ApiError):
        return served
    return _limits(served, size) or _containers(endpoint, served, headers)


def _plain(endpoint: ServedEndpoint, served: Served, size: int) -> Target | ApiError:
    if served.plain is None:
        found = _containers(endpoint, served, {})
        if isinstance(found, ApiError):
            return found
        served.plain = found
    return _limits(served, size) or served.plain


def _limits(served: Served, size: int) -> ApiError | None:
    if served.concurrency is None:
        return too_large(REAL_TIME_BYTES) if size > REAL_TIME_BYTES else None
    if size > SERVERLESS_BYTES:
        return validation_error(f"Request {uuid.uuid4()} has oversize body.")
    if served.outstanding >= served.concurrency:
        return throttled(
            f"Endpoint {served.place.endpoint} has {served.outstanding} requests at work; its serverless variant "
            f"{served.place.variant} takes MaxConcurrency={served.concurrency}."
        )
    return None


def _variant(endpoint: ServedEndpoint, headers: Headers, choice: random.Random) -> Served | ApiError:
    if names.COMPONENT in headers:
        return validation_error(f"Endpoint {endpoint.hosted.name} has no inference components.")
    wanted = headers.get(names.TARGET_VARIANT)
    if wanted is not None:
        found = endpoint.variants.get(wanted.decode("latin-1"))
        if found is None:
            return _not_found(endpoint, "Variant", wanted)
        return found
    return _by_weight(endpoint, choice)


def _by_weight(endpoint: ServedEndpoint, choice: random.Random) -> Served:
    if len(endpoint.variants) == 1:
        return next(iter(endpoint.variants.values()))
    served = [one for one in endpoint.hosted.variants if one.name in endpoint.variants]
    weights = [one.weight for one in served]
    chosen = choice.choices(served, weights if any(weights) else None)[0]
    return endpoint.variants[chosen.name]


def _component(endpoint: ServedEndpoint, headers: Headers) -> Served | ApiError:
    wanted = headers.get(names.COMPONENT)
    if wanted is None:
        return validation_error(
            "Inference Component Name header is required for endpoints to which you plan to deploy inference "
            "components. Please include Inference Component Name header or consider using SageMaker models.",
            "INFERENCE_COMPONENT_NAME_MISSING",
        )
    name = wanted.decode("latin-1")
    if name in endpoint.components:
        return endpoint.components[name]
    if any(one.name == name for one in endpoint.hosted.components):
        return validation_error(
            "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress "
            "(if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
        )
    return _not_found(endpoint, "Inference component", wanted)


def _containers(endpoint: ServedEndpoint, served: Served, headers: Headers) -> Target | ApiError:
    stages = served.stages
    wanted = headers.get(names.TARGET_CONTAINER)
    if served.model.direct:
        if wanted is None:
            return validation_error(f"Request {uuid.uuid4()} is missing a target container hostname header.")
        stages = tuple(stage for stage in stages if stage.name == wanted.decode("latin-1"))
        if not stages:
            return _not_found(endpoint, "Container", wanted)
    elif wanted is not None:
        return validation_error(
            f"Endpoint {endpoint.hosted.name} is not invoked directly and does not support target container hostname "
            "header."
        )
    model = headers.get(names.TARGET_MODEL)
    several = any(stage.models is not None for stage in stages)
    if model is not None and not several:
        return validation_error(
            f"Endpoint {endpoint.hosted.name} is not a multi-model endpoint and does not support target model header.",
            "TARGET_MODEL_HEADER_NOT_SUPPORTED",
        )
    if several and model is None:
        return validation_error(f"Request {uuid.uuid4()} is missing a target model header.")
    found = []
    for stage in stages:
        copies = stage.copies
        if stage.models is not None and model is not None:
            copies = stage.models.find(model.decode("latin-1"))
        if copies is None:
            return _no_such_model(model or b"")
        found.append((stage.name, copies))
    return Target(served, tuple(found), loading=several, headers=_adapter(endpoint, served, headers))


def _adapter(endpoint: ServedEndpoint, served: Served, headers: Headers) -> Headers | None:
    """An adapter's name for the container of its base."""
    wanted = headers.get(names.COMPONENT)
    if wanted is None or served.place.variant.encode() == wanted:
        return None
    assert any(one.base is not None for one in endpoint.hosted.components)
    return {names.ADAPTER: wanted}


def _no_explanations(endpoint: ServedEndpoint) -> ApiError:
    name = endpoint.hosted.name
    if endpoint.hosted.explains:
        return validation_error(
            f"Local mode does not run the explainer of endpoint {name}: leave EnableExplanations out."
        )
    return validation_error(f"Endpoint {name} has no explainer and does not support enable explanations header.")


def _no_such_model(model: bytes) -> ApiError:
    return validation_error(
        f"Failed to download model data(key: {model.decode('latin-1')}). Please ensure that there is an object located "
        "at the URL and that the role passed to CreateModel has permissions to download the model."
    )


def _not_found(endpoint: ServedEndpoint, what: str, name: bytes) -> ApiError:
    place = endpoint.served[0].place if endpoint.served else None
    account = place.account if place else "the caller"
    return validation_error(
        f"{what} {name.decode('latin-1')} of endpoint {endpoint.hosted.name} of account {account} not found."
    )
