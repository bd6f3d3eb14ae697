"""The queue of an asynchronous endpoint: requests wait, are answered one after another, and answers go to S3."""

from __future__ import annotations

import asyncio
import random
import time
from concurrent.futures import Executor
from dataclasses import replace

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.gateway import headers as names
from cdk_modelbuilder.local.gateway.api_error import ApiError
from cdk_modelbuilder.local.gateway.async_answers import AsyncAnswers
from cdk_modelbuilder.local.gateway.async_request import AsyncRequest
from cdk_modelbuilder.local.gateway.invocation import Invocation
from cdk_modelbuilder.local.gateway.objects import Objects
from cdk_modelbuilder.local.gateway.routing import choose
from cdk_modelbuilder.local.gateway.served import ServedEndpoint
from cdk_modelbuilder.serving.exchange import Body

_CHOSEN_CONCURRENCY = 4
"""Requests at a time for each copy where the configuration leaves it to SageMaker."""
_LOOK_AGAIN_SECONDS = 0.05


class AsyncQueue:
    """For the event loop's thread.

    Args:
        endpoint: The endpoint.
        objects: Where inputs are and answers go.
        executor: Reads and writes them.
        choice: Random numbers for variants.

    Attributes:
        answers: What became of the newest requests.
    """

    def __init__(self, endpoint: ServedEndpoint, objects: Objects, executor: Executor, choice: random.Random) -> None:
        assert endpoint.hosted.asynchronous is not None
        each = endpoint.hosted.asynchronous.concurrency or _CHOSEN_CONCURRENCY
        copies = sum(len(copies.copies) for served in endpoint.served for copies in served.copy_sets[:1])
        self.endpoint = endpoint
        self.answers = AsyncAnswers()
        self._objects = objects
        self._executor = executor
        self._choice = choice
        self._at_once = asyncio.Semaphore(each * max(copies, 1))
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Requests that are not answered."""
        return len(self._tasks)

    def put(self, request: AsyncRequest) -> None:
        """Take a request; its answer comes later."""
        self.answers.begin(request)
        task = asyncio.get_running_loop().create_task(self._run(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def read(self, uri: str) -> bytes:
        """An answer of one of its requests. Blocks.

        Raises:
            LookupError: It is not there any more.
        """
        return self._objects.read(uri)[0]

    def close(self) -> None:
        """Give up what is waiting."""
        for task in self._tasks:
            task.cancel()

    async def _run(self, request: AsyncRequest) -> None:
        try:
            async with asyncio.timeout(request.ttl):
                await self._at_once.acquire()
        except TimeoutError:
            await self._fail(request, f"The request waited longer than its RequestTTLSeconds, {request.ttl:g}.")
            return
        try:
            await self._answer(request)
        finally:
            self._at_once.release()

    async def _answer(self, request: AsyncRequest) -> None:
        loop = asyncio.get_running_loop()
        body: Body = request.body
        if request.source is not None:
            try:
                body, content_type = await loop.run_in_executor(self._executor, self._objects.read, request.source)
            except (LookupError, UsageError) as error:
                await self._fail(request, f"The input could not be read: {error}")
                return
            if content_type is not None:
                request.headers.setdefault(b"content-type", content_type.encode("latin-1", "replace"))
        asked = StoredExchange(request.headers, body)
        if not await self._send(request, asked):
            return
        outcome = await asked.done
        if isinstance(outcome, ApiError):
            await self._fail(request, str(outcome.members.get("OriginalMessage", outcome.message)))
        else:
            problem = await self._store(request.output, outcome, request)
            if problem is None:
                self.answers.answered(request, outcome.content_type)
            else:
                self.answers.failed(request, f"The answer could not be stored: {problem}")

    async def _send(self, request: AsyncRequest, asked: StoredExchange) -> bool:
        while True:
            target = choose(self.endpoint, asked.headers, 0, self._choice)
            if isinstance(target, ApiError):
                await self._fail(request, target.message)
                return False
            if all(copies.pick() is not None for _, copies in target.stages):
                break
            if time.monotonic() - request.accepted > request.ttl:
                await self._fail(request, f"No instance took the request within {request.ttl:g} s.")
                return False
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)  # it waits in the queue until a copy is there
        loop = asyncio.get_running_loop()
        Invocation(loop, asked, replace(target, loading=True), self.endpoint.sessions, request.timeout).begin()
        return True

    async def _fail(self, request: AsyncRequest, message: str) -> None:
        if request.failure is not None:
            outcome = Outcome(message.encode(), "application/json" if message.startswith("{") else "text/plain")
            await self._store(request.failure, outcome, request)
        self.answers.failed(request, message)

    async def _store(self, uri: str, outcome: Outcome, request: AsyncRequest) -> Exception | None:
        """Put it there; returns what went wrong, of which the client hears nothing."""
        loop = asyncio.get_running_loop()
        metadata = {"inference-id": request.inference_id}
        if outcome.custom_attributes is not None:
            metadata["custom-attributes"] = outcome.custom_attributes
        try:
            await loop.run_in_executor(
                self._executor, self._objects.write, uri, bytes(outcome.body), outcome.content_type, metadata
            )
        except (LookupError, UsageError) as error:
            return error
        return None


class Outcome:
    """An answer."""

    __slots__ = ("body", "content_type", "custom_attributes")

    def __init__(self, body: Body, content_type: str, custom_attributes: str | None = None) -> None:
        self.body = body
        self.content_type = content_type
        self.custom_attributes = custom_attributes


class StoredExchange:
    """A request without a client that waits; its answer is in :attr:`done`."""

    def __init__(self, headers: dict[bytes, bytes], body: Body) -> None:
        self.headers = headers
        self.body = body
        self.started = time.perf_counter()
        self.gone = False
        self.done: asyncio.Future[Outcome | ApiError] = asyncio.get_running_loop().create_future()

    def answer(self, status: int, body: Body, content_type: bytes, headers: bytes = b"") -> None:  # noqa: ARG002
        """The answer is there."""
        attributes = None
        for line in headers.split(b"\r\n"):
            name, _, value = line.partition(b": ")
            if name.lower() == names.CUSTOM_ATTRIBUTES:
                attributes = value.decode("latin-1")
        self._settle(Outcome(body, content_type.decode("latin-1"), attributes))

    def fail(self, error: ApiError) -> None:
        """There is none."""
        self._settle(error)

    def _settle(self, outcome: Outcome | ApiError) -> None:
        if not self.done.done():
            self.done.set_result(outcome)
