"""The gateway: an event loop in a thread of its own, a loopback port, and the copies behind it."""

from __future__ import annotations

import asyncio
import random
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.local.console.pages import console_pages
from cdk_modelbuilder.local.event_loop import new_loop
from cdk_modelbuilder.local.gateway.async_queue import AsyncQueue
from cdk_modelbuilder.local.gateway.connection import GatewayConnection
from cdk_modelbuilder.local.gateway.control import Control
from cdk_modelbuilder.local.gateway.copies import Start, Surroundings
from cdk_modelbuilder.local.gateway.from_bundles import with_bundle
from cdk_modelbuilder.local.gateway.front import Front, Limits, Settings
from cdk_modelbuilder.local.gateway.hosted import Hosted
from cdk_modelbuilder.local.gateway.logs import Logs
from cdk_modelbuilder.local.gateway.objects import FolderObjects, Objects
from cdk_modelbuilder.local.gateway.sagemaker_api import SageMakerApi
from cdk_modelbuilder.local.gateway.served import Served, ServedEndpoint, serve
from cdk_modelbuilder.local.listening import listen
from cdk_modelbuilder.local.page import Page
from cdk_modelbuilder.local.starting import Starter
from cdk_modelbuilder.serving.connection import Connection

_Result = TypeVar("_Result")


class LocalGateway:
    """SageMaker Runtime's API on a loopback port, for a ``with`` block.

    Args:
        hosted: What is served; see :func:`host_bundles` and :func:`host_assembly`.
        start: Starts one copy. Default: as a process on this machine.
        port: Port on 127.0.0.1, or 0 for a free one.
        on_log: Called with each copy's label and each line of its log, in any thread.
        seed: Makes the choice of variants by weight the same each time.
        objects: Where inputs and answers of asynchronous requests are. Default: a folder that is gone afterwards.
        limits: How long answers may take. Default: as long as SageMaker lets them.
        pages: Path -> what it answers to GET. Default: the console.

    Raises:
        LocalEndpointError: A copy did not start (from ``with`` and :meth:`wait_until_in_service`).
        UsageError: The port cannot be used.
    """

    def __init__(
        self,
        hosted: Hosted,
        *,
        start: Start | None = None,
        port: int = 0,
        on_log: Callable[[str, str], None] | None = None,
        objects: Objects | None = None,
        seed: int | None = None,
        limits: Limits | None = None,
        pages: Mapping[str, Page] | None = None,
    ) -> None:
        self._pages = console_pages() if pages is None else pages
        self._limits = limits or Limits()
        self.hosted = hosted
        self._start = Starter() if start is None else start
        self._on_log = on_log
        self._choice = random.Random(seed)  # noqa: S311 - it shares load out and keeps no secret
        self._listener = listen(port)
        self.port: int = self._listener.getsockname()[1]
        self._loop = new_loop()
        self._thread = threading.Thread(target=self._run, name="sagemaker-gateway", daemon=True)
        self._changed = threading.Condition()
        self._endpoints: dict[str, ServedEndpoint] = {}
        self._connections: set[Connection] = set()
        self._stopped = False
        self._executor = ThreadPoolExecutor(8, thread_name_prefix="sagemaker-gateway")
        self._logs = Logs(self._loop)
        self._queues: dict[str, AsyncQueue] = {}
        self._scratch = tempfile.TemporaryDirectory(prefix="sagemaker-gateway-")
        self._objects = FolderObjects(Path(self._scratch.name)) if objects is None else objects

    @property
    def url(self) -> str:
        """What ``AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME`` is set to."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Names of the endpoints."""
        return tuple(self._endpoints)

    def __enter__(self) -> Self:
        try:
            self.begin()
            self.wait_until_in_service()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def begin(self) -> None:
        """Listen, and begin to start the copies; endpoints are ``Creating`` until theirs are up."""
        self._thread.start()
        self._call(self._open())

    def wait_until_in_service(self, timeout: float | None = None) -> None:
        """Wait until every endpoint is in service.

        Args:
            timeout: Seconds; the start-up time of each container's health check bounds it in any case.

        Raises:
            LocalEndpointError: A copy did not start, or not in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while True:
                for name, endpoint in list(self._endpoints.items()):
                    if endpoint.failure is not None:
                        raise LocalEndpointError(
                            f"endpoint {name} did not start: {endpoint.failure}", remedy="See its log."
                        )
                if all(endpoint.status == "InService" for endpoint in list(self._endpoints.values())):
                    return
                if deadline is not None and time.monotonic() >= deadline:
                    raise LocalEndpointError(
                        f"the endpoints were not in service within {timeout} s.", remedy="See the log, or wait longer."
                    )
                self._changed.wait(0.5)

    def replace(self, bundle: ModelBundle) -> None:
        """Serve ``bundle`` on the endpoint of its name, in the place of another build of it.

        Its copies start beside the old ones, and get the requests once all are healthy; then the old ones end, after
        the answers to the requests that they have.

        Raises:
            LocalEndpointError: A copy of it did not start. The old ones go on.
            UsageError: There is no endpoint of this name that is made of one bundle.
        """
        before = self._endpoints.get(bundle.name)
        if before is None or before.deleting:
            raise UsageError(
                f"there is no endpoint {bundle.name}.",
                remedy="Build it with the name of one that runs.",
            )
        after = self._call(self._begin_beside(before, bundle))
        with self._changed:
            while after.status == "Creating" and not self._stopped:
                self._changed.wait(0.5)
        if after.status != "InService":
            reason = after.failure or "the gateway ended."
            self._end_copies(after.served)
            raise LocalEndpointError(f"{bundle.name} did not start: {reason}", remedy="The one before goes on.")
        self._end_copies(self._call(self._swap(before, after)).served)

    def stop(self) -> None:
        """End everything. What is at work gets its answer first, for as long as the limits say; again does nothing."""
        if self._stopped:
            return
        self._stopped = True
        if self._thread.is_alive():
            # Ctrl-C in a terminal reaches the copies too, and those that end by it are not to come back.
            for copies in [copies for one in self._all_served() for copies in one.copy_sets]:
                copies.retire()
            self._call(self._close())
            self._end_copies(self._all_served())
            self._executor.shutdown()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        else:
            self._loop.close()
        self._listener.close()
        self._scratch.cleanup()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _surroundings(self) -> Surroundings:
        return Surroundings(self._loop, self._start, self._note_log, self._note_change, self._choice)

    async def _begin_beside(self, before: ServedEndpoint, bundle: ModelBundle) -> ServedEndpoint:
        hosted = with_bundle(before.hosted, bundle)
        after = serve(self.hosted, hosted, self._surroundings(), before.created)
        for one in after.served:
            one.start()
        return after

    async def _swap(self, before: ServedEndpoint, after: ServedEndpoint) -> ServedEndpoint:
        """Put ``after`` in, unless the endpoint was deleted meanwhile; returns the one of the two that is out."""
        name = before.hosted.name
        if self._endpoints.get(name) is not before or before.deleting:
            return after
        after.open = True
        self._endpoints[name] = after
        if name in self._queues:
            self._queues[name].endpoint = after
        return before

    async def _open(self) -> None:
        for endpoint in self.hosted.endpoints:
            served = serve(self.hosted, endpoint, self._surroundings(), time.time())
            self._endpoints[endpoint.name] = served
            if endpoint.asynchronous is not None:
                self._queues[endpoint.name] = AsyncQueue(served, self._objects, self._executor, self._choice)
        control = Control(self.hosted, self._endpoints, self._queues, self._logs, self._executor)
        api = SageMakerApi(self.hosted, self._endpoints, self._delete)
        self._front = Front(
            self._loop,
            self._endpoints,
            Settings(self.hosted.account, self._choice, self._limits),
            routes={b"POST /": api.handle, **control.routes(self._pages)},
            queues=self._queues,
        )
        self._server = await self._loop.create_server(
            lambda: GatewayConnection(self._front, self._connections), sock=self._listener
        )
        for one in self._all_served():
            one.start()
        self._note_change()  # those without copies, such as multi-model ones, are in service

    def _all_served(self) -> list[Served]:
        return [one for endpoint in self._endpoints.values() for one in endpoint.served]

    def _delete(self, endpoint: ServedEndpoint) -> None:
        """DeleteEndpoint: it is ``Deleting`` until its copies have ended, and then gone."""
        if endpoint.deleting:
            return
        endpoint.deleting, endpoint.open = True, False
        self._loop.run_in_executor(self._executor, self._end_copies, endpoint.served).add_done_callback(
            lambda _: self._endpoints.pop(endpoint.hosted.name, None)
        )

    @staticmethod
    def _end_copies(served: Sequence[Served]) -> None:
        enders = [threading.Thread(target=copies.stop) for one in served for copies in one.copy_sets]
        for thread in enders:
            thread.start()
        for thread in enders:
            thread.join()

    async def _close(self) -> None:
        self._server.close()
        self._logs.close()
        for queue in self._queues.values():
            queue.close()
        for connection in list(self._connections):
            connection.shutdown()
        deadline = self._loop.time() + self._limits.grace_seconds
        while self._connections and self._loop.time() < deadline:  # noqa: ASYNC110 - the set has no event
            await asyncio.sleep(0.02)
        self._front.break_off()
        await asyncio.sleep(0)
        for connection in list(self._connections):
            connection.cut(reset=True)

    def _note_log(self, label: str, line: str) -> None:
        self._logs.add(label, line)
        if self._on_log is not None:
            self._on_log(label, line)

    def _note_change(self) -> None:
        for endpoint in self._endpoints.values():
            endpoint.refresh()
        with self._changed:
            self._changed.notify_all()
