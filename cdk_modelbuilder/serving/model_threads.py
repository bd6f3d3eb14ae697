"""The threads that call the model, and the queue in front of them."""

from __future__ import annotations

import os
import threading
import time
from queue import Empty, SimpleQueue

from cdk_modelbuilder.serving.invocation import Invocation
from cdk_modelbuilder.serving.log import flush, log
from cdk_modelbuilder.serving.loop_mailbox import LoopMailbox
from cdk_modelbuilder.serving.model_caller import ModelCaller
from cdk_modelbuilder.serving.model_state import ModelState

THREAD_FAILED_EXIT_CODE = 4


class ModelThreads:
    """Answers invocations in threads of their own, so that nothing the model does keeps /ping waiting.

    The first thread loads the model; invocations that come meanwhile queue up behind that.

    Args:
        state: The model.
        mailbox: Where the answers go.
        count: Threads. One is what AWS's containers do in a worker; more is for models that are safe to call from
            several threads.
    """

    def __init__(self, state: ModelState, mailbox: LoopMailbox, count: int) -> None:
        self._state, self._mailbox = state, mailbox
        self._queue: SimpleQueue[Invocation | None] = SimpleQueue()
        # Daemons: a call that does not return must not keep the process from ending.
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"model-{number}", daemon=True)
            for number in range(count)
        ]

    @property
    def alive(self) -> bool:
        """Whether every thread is there to answer."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def waiting(self) -> int:
        """Invocations that no thread has taken yet."""
        return self._queue.qsize()

    def start(self) -> None:
        """Load the model, then answer."""
        for thread in self._threads:
            thread.start()

    def submit(self, job: Invocation) -> None:
        """Have ``job`` answered."""
        self._queue.put(job)

    def stop(self) -> None:
        """End each thread after what it is doing."""
        for _ in self._threads:
            self._queue.put(None)

    def _run(self, number: int) -> None:
        try:
            self._answer(number)
        except BaseException:  # noqa: BLE001 - nothing is expected to come here
            # Without this thread all requests would wait for ever. Whoever started the process starts another one.
            try:
                log("model thread failed", level=50, exc_info=True)
                flush()
            finally:
                os._exit(THREAD_FAILED_EXIT_CODE)

    def _answer(self, number: int) -> None:
        if number == 0:
            self._state.load()
        else:
            self._state.wait_until_loaded()
        caller = ModelCaller(self._state, self._mailbox, number)
        largest, delay = self._state.batching
        while True:
            job = self._queue.get()
            if job is None:
                return
            if largest == 1:
                caller.call(job)
            else:
                caller.call_together(self._gather(job, largest, delay))
            del job  # not kept alive, with its body, until the next one comes

    def _gather(self, first: Invocation, largest: int, delay: float) -> list[Invocation]:
        """``first`` and what comes within ``delay`` seconds of now, at most ``largest``."""
        jobs = [first]
        deadline = time.monotonic() + delay
        while len(jobs) < largest:
            left = deadline - time.monotonic()
            try:
                job = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
            except Empty:
                break
            if job is None:  # the order to stop: for after this batch
                self._queue.put(None)
                break
            jobs.append(job)
        return jobs
