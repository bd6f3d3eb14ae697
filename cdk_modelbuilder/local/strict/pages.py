"""What servers answer by themselves: each one's form of an error."""

from __future__ import annotations

import json

from cdk_modelbuilder.local.strict.exchange import Reply

_OF_GSON = {ord(character): f"\\u{ord(character):04x}" for character in "<>&='"}
"""What the Java servers' JSON library escapes beyond what JSON asks for."""

_WERKZEUG = """\
<!doctype html>
<html lang=en>
<title>{status} {title}</title>
<h1>{title}</h1>
<p>{text}</p>
"""


def model_server_error(status: int, kind: str, message: str) -> Reply:
    """An error in the form of Multi Model Server, TorchServe and DJL Serving."""
    text = json.dumps({"code": status, "type": kind, "message": message}, indent=2, ensure_ascii=False)
    text = text.translate(_OF_GSON)
    return Reply(status, f"{text}\n".encode(), "application/json")


def werkzeug_page(status: int, title: str, text: str) -> Reply:
    """An error in the form of werkzeug."""
    return Reply(status, _WERKZEUG.format(status=status, title=title, text=text).encode(), "text/html; charset=utf-8")


def fastapi_detail(status: int, detail: str) -> Reply:
    """An error in the form of FastAPI."""
    return Reply(status, json.dumps({"detail": detail}, separators=(",", ":")).encode(), "application/json")


def starlette_failure() -> Reply:
    """What comes of an exception that nobody caught, below FastAPI."""
    return Reply(500, b"Internal Server Error", "text/plain; charset=utf-8")


def falcon_error(status: int, title: str, accept: str) -> Reply:
    """An error in the form of falcon 3: JSON or XML, or nothing for a client that takes neither."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    if any(kind in ("*/*", "application/*", "application/json") or kind.endswith("+json") for kind in kinds):
        return Reply(status, json.dumps({"title": f"{status} {title}"}).encode(), "application/json")
    xml = next((kind for kind in kinds if kind in ("application/xml", "text/xml")), None)
    if xml is None:
        return Reply(status, b"", "application/json")
    page = f'<?xml version="1.0" encoding="UTF-8"?><error><title>{status} {title}</title></error>'
    return Reply(status, page.encode(), xml)


def tornado_page(status: int, title: str) -> Reply:
    """An error in the form of tornado; without a title, an empty answer."""
    text = f"{status}: {title}"
    page = f"<html><title>{text}</title><body>{text}</body></html>" if title else ""
    return Reply(status, page.encode(), "text/html; charset=UTF-8")


def nginx_page(status: int, title: str) -> Reply:
    """An error in the form of nginx, which ends with its version: left out here, as images have various ones."""
    lines = [
        f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>",
        f"<center><h1>{status} {title}</h1></center>",
        "<hr><center>nginx</center>",
        "</body>\r\n</html>\r\n",
    ]
    return Reply(status, "\r\n".join(lines).encode(), "text/html")


def labelled(kind: str) -> str:
    """The content type that Starlette makes of a ``media_type``: text gets a charset."""
    return f"{kind}; charset=utf-8" if kind.startswith("text/") and "charset=" not in kind.lower() else kind
