"""Many calls, a few at a time, with the answers in the order of the items."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from cdk_modelbuilder.calling.arguments import check_count
from cdk_modelbuilder.errors import ModelBuilderError, UsageError


def call_for_each(
    call: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    concurrency: int,
    on_done: Callable[[int], object],
    return_errors: bool,
) -> list[Any]:
    """``call(item)`` for every item, ``concurrency`` at a time.

    An item is taken from ``items`` when a place is free, so a generator of many large ones is never held at once.

    Args:
        call: Runs in threads.
        items: What to call it with.
        concurrency: How many calls run at a time.
        on_done: Called in this thread with the number of calls that have ended.
        return_errors: Put a call's error in its answer's place, instead of stopping at the first.

    Raises:
        ModelBuilderError: The first error of a call, with a note that names the item; nothing more is begun then, and
            the calls that run are waited for.
    """
    answers: list[Any] = []
    running: dict[Future[Any], int] = {}
    ended = 0

    def collect() -> None:
        nonlocal ended
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            index = running.pop(future)
            answers[index] = _outcome(future, index, return_errors=return_errors)
            ended += 1
            on_done(ended)

    with ThreadPoolExecutor(concurrency, thread_name_prefix="predict") as pool:
        for index, item in enumerate(items):
            answers.append(None)
            running[pool.submit(call, item)] = index
            if len(running) == concurrency:
                collect()
        while running:
            collect()
    return answers


def _outcome(future: Future[Any], index: int, *, return_errors: bool) -> Any:
    error = future.exception()
    if error is None:
        return future.result()
    if return_errors and isinstance(error, ModelBuilderError):
        return error
    error.add_note(f"This was item {index} of the batch.")
    raise error


def check_batch(items: Any, concurrency: int) -> None:
    """Refuse what is no batch, among it much that can be iterated over.

    Raises:
        UsageError: One value instead of many, or a concurrency below 1.
    """
    check_count("concurrency", concurrency)
    # Iterating over a table gives its columns, over a dict its keys: never what is meant.
    if (
        isinstance(items, (str, bytes, bytearray, memoryview, dict))
        or hasattr(items, "columns")
        or not _iterates(items)
    ):
        raise UsageError(
            f"predict_batch() wants many inputs; a {type(items).__name__} is one.",
            remedy="Give a list or a generator of inputs, such as slices of a table, or use predict().",
        )


def _iterates(items: Any) -> bool:
    try:
        iter(items)
    except TypeError:  # also of what has the method and refuses, such as an array without dimensions
        return False
    return True
