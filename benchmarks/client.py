"""A keep-alive HTTP client that costs little itself: one thread, raw sockets, one request in flight on each."""

from __future__ import annotations

import selectors
import socket
import time

_WARM_UP = 0.3


def requests_per_second(
    port: int, body: bytes, connections: int, duration: float, *, content_type: str = "application/octet-stream"
) -> dict[str, float]:
    """POST ``body`` to /invocations for so many seconds, and ask for an answer of the same type.

    Returns:
        ``rate``: answers a second; ``busy``: this client's share of one processor.
    """
    head = (
        f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {content_type}\r\n"
        f"Accept: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    with selectors.DefaultSelector() as selector:
        sockets = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(connections)]
        try:
            for connection in sockets:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ)
                connection.sendall(request)
            _answers(selector, request, _WARM_UP)
            cpu, start = time.process_time(), time.perf_counter()
            count = _answers(selector, request, duration)
            took = time.perf_counter() - start
            return {"rate": count / took, "busy": (time.process_time() - cpu) / took}
        finally:
            for connection in sockets:
                connection.close()


def _answers(selector: selectors.BaseSelector, request: bytes, duration: float) -> int:
    count = 0
    deadline = time.perf_counter() + duration
    while time.perf_counter() < deadline:
        for key, _ in selector.select(1):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            read_answer(connection)
            connection.sendall(request)
            count += 1
    return count


def read_answer(connection: socket.socket) -> None:
    data = connection.recv(65536)
    while not _is_whole(data):
        more = connection.recv(65536)
        if not more:
            raise ConnectionError(f"the server hung up after {data!r}")
        data += more
    if not data.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(f"the server answered {data!r}")


def _is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    _, _, rest = head.lower().partition(b"content-length:")
    return len(body) >= int(rest.split(b"\r", 1)[0])
