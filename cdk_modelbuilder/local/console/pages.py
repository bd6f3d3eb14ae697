"""The console's files, and the paths they have on the gateway."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cdk_modelbuilder import serving
from cdk_modelbuilder.local.page import Page

_OWN = Path(__file__).parent / "page"
_SHARED = Path(serving.__file__).parent
"""The page of a model's own server, whose style sheet and view of bodies the console uses too."""
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src blob: data:; "
    "media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_HEADERS = (
    # Nothing from elsewhere, nothing inline, in nobody's frame, and no text that becomes HTML. A blob is how the page
    # shows an answer that is a picture or a sound; the data: is its empty icon.
    ("content-security-policy", _POLICY),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),  # another version of this package may answer on the same port tomorrow
)


@cache
def console_pages() -> dict[str, Page]:
    """Path -> page, for :class:`~cdk_modelbuilder.local.gateway.LocalGateway`."""
    files = {f"/-/console/{path.name}": path for path in sorted(_OWN.iterdir()) if path.suffix in (".css", ".js")}
    files |= {
        "/": _OWN / "index.html",
        "/-/console/base.css": _SHARED / "docs_page.css",
        "/-/console/body.js": _SHARED / "docs_body.js",
    }
    return {name: Page(_TYPES[path.suffix], path.read_bytes(), _HEADERS) for name, path in files.items()}
