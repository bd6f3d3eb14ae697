"""A bundle's Ray Serve deployment, run without Ray: what its file imports, and one object made of it.

Source: ray-project/ray 2.57, ``python/ray/serve/api.py`` (``deployment``, ``bind``); encode/starlette,
``starlette/responses.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdk_modelbuilder.local.strict.exchange import Headers, Reply
from cdk_modelbuilder.local.strict.pages import labelled
from cdk_modelbuilder.local.strict.stand_in_modules import import_file, module_of


@dataclass(frozen=True, slots=True)
class Passed:
    """The request as the front passes it on: what of a Starlette request a deployment reads."""

    headers: Headers
    content: bytes = field(repr=False)

    async def body(self) -> bytes:
        return self.content


@dataclass(frozen=True, slots=True)
class Replica:
    """The deployment's object.

    Attributes:
        call: Answers a request.
        at_once: How many requests it gets at once.
    """

    call: Callable[[Passed], Awaitable[Any]]
    at_once: int


def make_replica(model_dir: Path) -> Replica:
    """The one replica of ``code/modelbuilder_ray.py``; whatever its constructor raises goes on."""
    serve = module_of("ray.serve", deployment=_deployment)
    responses = module_of("starlette.responses", Response=_Response, PlainTextResponse=_PlainText)
    modules = {
        "ray": module_of("ray", serve=serve),
        "ray.serve": serve,
        "starlette": module_of("starlette", responses=responses),
        "starlette.responses": responses,
    }
    bound: _Bound = import_file(model_dir, "code/modelbuilder_ray.py", modules).app
    return Replica(bound.kind(), bound.at_once)


def reply_of(response: Any) -> Reply:
    """What a client gets for what the deployment returned."""
    return Reply(response.status_code, response.body, response.content_type)


@dataclass(frozen=True, slots=True)
class _Bound:
    kind: Callable[[], Any]
    at_once: int


@dataclass(frozen=True, slots=True)
class _Deployment:
    kind: Callable[[], Any]
    at_once: int

    def bind(self) -> _Bound:
        return _Bound(self.kind, self.at_once)


def _deployment(*, max_ongoing_requests: int = 5, **_: Any) -> Callable[[Callable[[], Any]], _Deployment]:
    return lambda kind: _Deployment(kind, max_ongoing_requests)


class _Response:
    media_type: str | None = None

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.body = content.encode() if isinstance(content, str) else bytes(content)
        self.status_code = status_code
        given = {name.lower(): value for name, value in (headers or {}).items()}
        self.content_type = given.get("content-type") or (self.media_type and labelled(self.media_type))


class _PlainText(_Response):
    media_type = "text/plain"
