"""An endpoint's URL as its caller gave it: where to send, which credentials to send along, what may be shown of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import urllib3

from cdk_modelbuilder.errors import UsageError


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """A URL taken apart.

    Attributes:
        address: The URL without user, password and a slash at its end.
        headers: What carries the user and the password: basic authentication, as curl does it.
    """

    address: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def endpoint_url(url: Any) -> EndpointUrl:
    """Take ``url`` apart.

    Raises:
        UsageError: It is no URL, or has parts that an endpoint's address does not have.
    """
    try:
        parsed = urllib3.util.parse_url(url if isinstance(url, str) else "")
        parsed.url.encode("latin-1")
    except (urllib3.exceptions.LocationParseError, UnicodeError):
        parsed = urllib3.util.Url()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise UsageError(
            f"{shown_url(url)} is no URL of an endpoint.", remedy="Give one such as http://127.0.0.1:8080."
        )
    if parsed.query is not None or parsed.fragment is not None:
        raise UsageError(
            f"{shown_url(url).partition('?')[0]} has something behind a ? or #.",
            remedy="Give the address alone, such as http://127.0.0.1:8080.",
        )
    bare = parsed._replace(auth=None).url.rstrip("/")
    if parsed.auth is None:
        return EndpointUrl(bare)
    # urllib3 itself would leave it out without a word. Latin-1, there and back: the bytes as the URL has them.
    basic = urllib3.make_headers(basic_auth=unquote(parsed.auth, "latin-1"))
    return EndpointUrl(bare, {"Authorization": basic["authorization"]})


def shown_url(url: Any) -> str:
    """``url`` for a message: without what may be a password, whether or not it is a URL.

    >>> shown_url("http://me:secret@host:1")
    "'http://***@host:1'"
    """
    if not isinstance(url, str) or "@" not in url:
        return repr(url)
    scheme, separator, _ = url.partition("://")
    return repr(f"{scheme if separator else ''}{separator}***@{url.rpartition('@')[2]}")
