"""Codings of a request's body: the server undoes chunks and nothing else, and says so."""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.serving.exchange import Refusal


def refusal_of_coding(headers: Mapping[bytes, bytes]) -> Refusal | None:
    """Why the body cannot be read; None if it can.

    Left to the decoders, compressed bytes would be a puzzling error, or worse, a value.
    """
    transfer = headers.get(b"transfer-encoding", b"chunked").lower()
    if transfer != b"chunked":
        return Refusal(501, f"the Transfer-Encoding {_shown(transfer)} is not supported; chunked is.")
    content = headers.get(b"content-encoding", b"identity").lower()
    if content not in (b"identity", b""):
        return Refusal(
            415,
            f"the body's Content-Encoding is {_shown(content)}; send it as it is, without that header.",
            b"accept-encoding: identity\r\n",
        )
    return None


def _shown(value: bytes) -> str:
    return repr(value[:100].decode("latin-1"))
