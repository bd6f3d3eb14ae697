"""The stand-in's HTTP front on the loopback interface.

The server is nothing else; inside a test process it is started when code outside of the process must reach the account,
as a Lambda function that runs as a process of its own.
"""

from __future__ import annotations

import threading
from typing import Any


class Front:
    """Where this process's account answers over HTTP.

    Attributes:
        sagemaker_runtime: URL of what plays the SageMaker Runtime; None for moto's canned answers.
    """

    def __init__(self) -> None:
        self.sagemaker_runtime: str | None = None
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def make_server(self, port: int) -> Any:
        """The server, bound and not yet serving; `port` 0 takes a free one."""
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        self._server = make_server(
            "127.0.0.1",
            port,
            DomainDispatcherApplication(create_backend_app),
            threaded=True,  # the CLI asks for events while a change set is being executed
            request_handler=MotoRequestHandler,
        )
        return self._server

    @property
    def url(self) -> str:
        with self._starting:
            if self._server is None:
                server = self.make_server(0)
                server.log = lambda *_: None
                self._thread = threading.Thread(target=server.serve_forever, daemon=True)
                self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point AWS clients of another process here."""
        runtime = self.sagemaker_runtime
        return {
            "AWS_ENDPOINT_URL": self.url,
            **({} if runtime is None else {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": runtime}),
        }

    def close(self) -> None:
        """Stop what `url` started, and forget the runtime."""
        self.sagemaker_runtime = None
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = self._thread = None


FRONT = Front()
"""The only one of a process, as there is one account in it."""
