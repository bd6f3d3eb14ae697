"""GET /openapi.json, as the bundle brings it, and GET /docs, a page that reads it; neither needs a network."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from cdk_modelbuilder.serving.exchange import Exchange

OPENAPI_FILE = Path("code", "modelbuilder_runtime", "openapi.json")
"""Below the model folder."""
_HERE = Path(__file__).parent
_PAGE_HEADERS = (
    # Nothing from elsewhere, nothing inline, in nobody's frame. A blob is how the page shows an answer that is a
    # picture or a sound; the data: is its empty icon.
    b"content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src blob: data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    b"referrer-policy: no-referrer\r\n"
)


def page_routes() -> dict[bytes, Callable[[Exchange], None]]:
    """The page and its parts: path -> what sends it."""
    return {
        b"/docs": partial(_send_file, "docs_page.html", "text/html; charset=utf-8"),
        b"/docs/page.css": partial(_send_file, "docs_page.css", "text/css; charset=utf-8"),
        b"/docs/body.js": partial(_send_file, "docs_body.js", "text/javascript; charset=utf-8"),
        b"/docs/page.js": partial(_send_file, "docs_page.js", "text/javascript; charset=utf-8"),
    }


def send_openapi(exchange: Exchange, model_dir: Path) -> None:
    """Send the document of a verified folder."""
    document = _content(model_dir / OPENAPI_FILE)
    if document is None:
        exchange.refuse(404, "this bundle brings no OpenAPI document; build it again with a newer cdk-modelbuilder.")
    else:
        exchange.respond(200, document, "application/json")


def _send_file(name: str, content_type: str, exchange: Exchange) -> None:
    content = _content(_HERE / name)
    assert content is not None
    exchange.respond(200, content, content_type, _PAGE_HEADERS)


@cache
def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
