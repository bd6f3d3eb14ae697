"""GET /openapi.json, as the bundle brings it, and GET /docs, a page that reads it; neither needs a network."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cdk_modelbuilder.serving.exchange import Exchange

OPENAPI_FILE = Path("code", "modelbuilder_runtime", "openapi.json")
"""Below the model folder."""
_PAGE = Path(__file__).with_name("docs_page.html")
_PAGE_HEADERS = (
    # Everything is in the page itself, so nothing from elsewhere is allowed, and nobody may frame it. A blob is how the
    # page shows an answer that is a picture or a sound.
    b"content-security-policy: default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    b"connect-src 'self'; img-src blob: data:; media-src blob:; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'\r\n"
    b"x-content-type-options: nosniff\r\n"
    b"referrer-policy: no-referrer\r\n"
)


def send_openapi(exchange: Exchange, model_dir: Path) -> None:
    """Send the document of a verified folder."""
    try:
        document = _document(model_dir)
    except FileNotFoundError:
        exchange.refuse(404, "this bundle brings no OpenAPI document; build it again with this version.")
        return
    exchange.respond(200, document, "application/json")


def send_page(exchange: Exchange) -> None:
    """Send the page."""
    exchange.respond(200, _page(), "text/html; charset=utf-8", _PAGE_HEADERS)


@cache
def _document(model_dir: Path) -> bytes:
    return (model_dir / OPENAPI_FILE).read_bytes()


@cache
def _page() -> bytes:
    return _PAGE.read_bytes()
