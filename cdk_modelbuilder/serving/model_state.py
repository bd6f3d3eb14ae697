"""The model of one worker: loading, ready, or failed; and whether it still answers."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

from cdk_modelbuilder.serving.hooks import Hooks, load_hooks
from cdk_modelbuilder.serving.invocation import described
from cdk_modelbuilder.serving.log import flush, log
from cdk_modelbuilder.serving.variables import Batching

LOADING_FAILED_EXIT_CODE = 3
_IDLE = float("inf")


class ModelState:
    """Loads a model folder and knows since when each thread has been waiting for the model.

    Args:
        model_dir: A bundle's ``model/`` folder.
        threads: Threads that call the model.
        batching: Instead of what the model's code says about requests together.
        stuck_after: Seconds after which a call that has not returned means that the model does not answer any more.

    Attributes:
        hooks: The bundle's inference code; only once it is loaded.
        model: What ``model_fn`` returned; likewise.
    """

    hooks: Hooks
    model: Any

    def __init__(self, model_dir: Path, *, threads: int, batching: Batching, stuck_after: float) -> None:
        self._model_dir = model_dir
        self._batching = batching
        self._stuck_after = stuck_after
        self._busy_since = [_IDLE] * threads
        self._ready = threading.Event()

    @property
    def loaded(self) -> bool:
        """Whether requests can be answered."""
        return self._ready.is_set()

    @property
    def healthy(self) -> bool:
        """Loaded, and no call has been running for too long."""
        return self.loaded and time.monotonic() - min(self._busy_since) < self._stuck_after

    @property
    def batching(self) -> tuple[int, float]:
        """Most requests that are answered with one call, and how many seconds more of them are waited for."""
        return self._batching.settled(self.hooks.batch)

    def load(self) -> None:
        """Verify and load; a server that cannot do that must not linger, so the process ends where it fails."""
        start = time.perf_counter()
        try:
            self.hooks = load_hooks(self._model_dir)
            self._batching.check(takes_batches=self.hooks.predict_batch_fn is not None)
            self.model = self.hooks.model_fn(str(self._model_dir))
        except BaseException as error:  # noqa: BLE001 - whatever it is, this worker cannot serve
            log("model failed to load", level=50, exc_info=True, error=described(error))
            flush()
            os._exit(LOADING_FAILED_EXIT_CODE)
        self._ready.set()
        log("model loaded", seconds=round(time.perf_counter() - start, 3), model_dir=str(self._model_dir))

    def wait_until_loaded(self) -> None:
        """Return when another thread has loaded the model."""
        self._ready.wait()

    def calling(self, thread: int) -> None:
        """Note that a thread has begun to wait for the model, or has had the next piece from it."""
        self._busy_since[thread] = time.monotonic()

    def returned(self, thread: int) -> None:
        """Note that a thread waits for the model no longer."""
        self._busy_since[thread] = _IDLE
