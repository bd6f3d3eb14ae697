"""Keeps web pages out: the gateway is for programs on this machine.

A page may send requests to a loopback port from its visitor's browser, directly (then the browser says so in Origin or
Sec-Fetch-Site) or by a name of its own that resolves to 127.0.0.1 (DNS rebinding: then Host is that name).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cdk_modelbuilder.local.gateway.api_error import ApiError

_LOOPBACK = re.compile(rb"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_OWN_PAGES = (b"same-origin", b"none")


def refusal(headers: Mapping[bytes, bytes]) -> ApiError | None:
    """Why a request with these headers is not for the gateway; None if it is."""
    host = headers.get(b"host", b"")
    if not _LOOPBACK.fullmatch(host):
        said = host.decode("latin-1") or "missing"
        return _forbidden(f"the Host header is {said}: only names of this machine's loopback are answered.")
    origin = headers.get(b"origin")
    if origin is not None and origin.lower() != b"http://" + host.lower():
        return _forbidden(f"requests of web pages from {origin.decode('latin-1')} are not answered.")
    if headers.get(b"sec-fetch-site", b"none") not in _OWN_PAGES:
        return _forbidden("requests of web pages from elsewhere are not answered.")
    return None


def _forbidden(message: str) -> ApiError:
    return ApiError(403, "AccessDeniedException", message)
