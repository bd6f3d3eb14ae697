"""The model of one worker: loading in the background, ready, or failed; and the threads that call it."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cdk_modelbuilder.serving.hooks import Hooks, load_hooks
from cdk_modelbuilder.serving.log import log

LOADING_FAILED_EXIT_CODE = 3


class StillLoadingError(Exception):
    """A request waited for the model in vain."""

    http_status = 503


class ModelState:
    """Loads a model folder and answers requests with it.

    Args:
        model_dir: A bundle's ``model/`` folder.
        threads: Requests that the model handles at a time. One is what AWS's containers do in a worker; more is for
            models that are safe to call from several threads.
        stuck_after: Seconds after which an unfinished request means that the model does not answer any more.
    """

    def __init__(self, model_dir: Path, *, threads: int, stuck_after: float) -> None:
        self._model_dir = model_dir
        self._stuck_after = stuck_after
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="model")
        self._running: dict[int, float] = {}
        self._ready = threading.Event()
        self._hooks: Hooks | None = None
        self._model: Any = None

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Where requests are to be answered."""
        return self._pool

    @property
    def loaded(self) -> bool:
        """Whether requests can be answered."""
        return self._ready.is_set()

    @property
    def healthy(self) -> bool:
        """Loaded, and no request has been running for too long."""
        oldest = min(tuple(self._running.values()), default=None)  # a copy: the pool's threads change it meanwhile
        return self.loaded and (oldest is None or time.monotonic() - oldest < self._stuck_after)

    def start_loading(self) -> None:
        """Verify and load in the pool: requests that come in meanwhile queue up behind it."""
        self._pool.submit(self._load)

    def _load(self) -> None:
        start = time.perf_counter()
        try:
            hooks = load_hooks(self._model_dir)
            self._model = hooks.model_fn(str(self._model_dir))
            self._hooks = hooks
        except BaseException as error:  # noqa: BLE001 - whatever it is, this worker cannot serve
            log("model failed to load", level=50, exc_info=True, error=f"{type(error).__name__}: {error}")
            os._exit(LOADING_FAILED_EXIT_CODE)  # a server that cannot serve must not linger
        self._ready.set()
        log("model loaded", seconds=round(time.perf_counter() - start, 3), model_dir=str(self._model_dir))

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Response body and content type for one request; runs in one of the pool's threads."""
        if not self._ready.wait(self._stuck_after):
            raise StillLoadingError("the model is still loading; try again.")
        hooks = self._hooks
        assert hooks is not None
        token = id(body) ^ time.monotonic_ns()
        self._running[token] = time.monotonic()
        try:
            return hooks.answer(self._model, body, content_type, accept)
        finally:
            del self._running[token]
