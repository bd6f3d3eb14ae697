"""The process that sends: load and address come as one line on standard input, frames go out until the input ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import sys
import threading
import time

from cdk_modelbuilder.local.event_loop import new_loop
from cdk_modelbuilder.tuning.load.crowd import Crowd
from cdk_modelbuilder.tuning.load.plan import Load
from cdk_modelbuilder.tuning.load.records import Frame

_FRAME_SECONDS = 0.1
_SWITCH_SECONDS = 0.0001
"""Otherwise the thread that waits for the next arrival may get the interpreter 5 ms late."""


async def _send(
    load: Load, port: int, path: str, ended: asyncio.Event, frames: queue.SimpleQueue[Frame | None]
) -> None:
    crowd = Crowd(load, port=port, path=path)
    crowd.start()
    while not ended.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _FRAME_SECONDS)
        frames.put(Frame(crowd.clock(), crowd.oldest(), time.process_time(), crowd.take()))
    crowd.stop()
    await asyncio.sleep(0)  # for the connections to close
    frames.put(None)


def _write(frames: queue.SimpleQueue[Frame | None]) -> None:
    with contextlib.suppress(BrokenPipeError):
        while (frame := frames.get()) is not None:
            sys.stdout.buffer.write(frame.to_bytes())
            sys.stdout.buffer.flush()


def _allow_many_connections() -> None:
    """Each user has one, and the usual limit is 1024 open files."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on every system

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    """Send until standard input ends: whoever started this says so by closing it, or by being gone."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    _allow_many_connections()
    told = json.loads(sys.stdin.buffer.readline())
    load = Load.from_json(told["load"])
    frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
    # A thread: a reader who is late must not hold up those who send.
    writer = threading.Thread(target=_write, args=(frames,))
    writer.start()

    async def run() -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def wait_for_the_end() -> None:
            sys.stdin.buffer.read()
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=wait_for_the_end, daemon=True).start()
        await _send(load, told["port"], told["path"], ended, frames)

    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(run())
    finally:
        frames.put(None)
        writer.join()


if __name__ == "__main__":
    main()
