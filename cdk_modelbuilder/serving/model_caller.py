"""Calls the hooks for one thread: requests one by one or together, answers whole or in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cdk_modelbuilder.serving.exchange import Body
from cdk_modelbuilder.serving.hooks import as_body
from cdk_modelbuilder.serving.invocation import Invocation, described
from cdk_modelbuilder.serving.log import log
from cdk_modelbuilder.serving.loop_mailbox import LoopMailbox
from cdk_modelbuilder.serving.model_state import ModelState
from cdk_modelbuilder.serving.response_head import fits_header
from cdk_modelbuilder.serving.stream_channel import StreamChannel


class ModelCaller:
    """Answers invocations with the loaded model, in the thread that it was made in.

    Whatever the model raises, SystemExit included, is the answer to that request and nothing else's end.

    Args:
        state: The loaded model.
        mailbox: Where the answers go.
        thread: The thread's number.
    """

    def __init__(self, state: ModelState, mailbox: LoopMailbox, thread: int) -> None:
        self._state, self._mailbox, self._thread = state, mailbox, thread
        self._hooks, self._model = state.hooks, state.model

    def call(self, job: Invocation) -> None:
        """Answer one invocation."""
        body = job.take_body()
        if body is None:
            self._mailbox.post(job.deliver)
            return
        hooks = self._hooks
        self._state.calling(self._thread)
        try:
            data = hooks.input_fn(body, job.content_type)
            del body  # the model needs the memory, too
            self._send(job, hooks.predict_fn(data, self._model))
        except BaseException as error:  # noqa: BLE001 - the boundary between the user's code and the client
            self._fail(job, error)
        finally:
            self._state.returned(self._thread)

    def call_together(self, jobs: list[Invocation]) -> None:
        """Answer several invocations with one call of the model; where it fails, each is tried alone."""
        self._state.calling(self._thread)
        try:
            decoded = [(job, data) for job in jobs for data in self._decoded(job)]
            if decoded:
                self._predict_together(decoded)
        finally:
            self._state.returned(self._thread)

    def _decoded(self, job: Invocation) -> Iterator[Any]:
        """The request's input; nothing where it is answered already, by an error of its own or because nobody waits."""
        body = job.take_body()
        if body is None:
            self._mailbox.post(job.deliver)
            return
        try:
            data = self._hooks.input_fn(body, job.content_type)
            del body
        except BaseException as error:  # noqa: BLE001 - see call()
            self._fail(job, error)
        else:
            yield data

    def _predict_together(self, decoded: list[tuple[Invocation, Any]]) -> None:
        predict = self._hooks.predict_batch_fn
        assert predict is not None
        try:
            predictions = predict([data for _, data in decoded], self._model)
            if len(predictions) != len(decoded):  # the next one's client must not get this one's answer
                raise ValueError(f"{len(predictions)} predictions for {len(decoded)} inputs")
        except BaseException as error:  # noqa: BLE001 - see call()
            if len(decoded) == 1:
                self._fail(decoded[0][0], error)
                return
            log("batch failed, each request is tried alone", level=30, requests=len(decoded), error=described(error))
            for pair in decoded:
                self._state.calling(self._thread)
                self._predict_together([pair])
            return
        streams = []
        for (job, _), prediction in zip(decoded, predictions, strict=True):
            try:
                streamed = self._send_whole(job, prediction)
            except BaseException as error:  # noqa: BLE001 - see call()
                self._fail(job, error)
            else:
                if streamed is not None:  # later: it may go on for minutes, and the others' answers are there
                    streams.append((job, streamed))
        for job, streamed in streams:
            self._state.calling(self._thread)
            try:
                self._stream(job, *streamed)
            except BaseException as error:  # noqa: BLE001 - see call()
                self._fail(job, error)

    def _send(self, job: Invocation, prediction: Any) -> None:
        streamed = self._send_whole(job, prediction)
        if streamed is not None:
            self._stream(job, *streamed)

    def _send_whole(self, job: Invocation, prediction: Any) -> tuple[Iterable[Body], str] | None:
        """Send the answer, unless it is a stream: then its pieces and content type, of which nothing is asked yet."""
        hooks = self._hooks
        streamed = None if hooks.stream_fn is None else hooks.stream_fn(prediction, job.accept)
        if streamed is None:
            job.answered(*hooks.encode(prediction, job.accept))
            self._mailbox.post(job.deliver)
        return streamed

    def _stream(self, job: Invocation, source: Iterable[Body], content_type: str) -> None:
        """Send the pieces as they come. Raises what goes wrong before the first one: that is an answer of its own."""
        pieces = iter(source)
        channel = None
        try:
            piece = _next_piece(pieces)
            if not fits_header(content_type):
                raise ValueError(f"stream_fn gave the content type {content_type!r}, which cannot stand in a header")
            channel = StreamChannel(job, content_type, self._mailbox)
            while piece is not None:
                self._state.returned(self._thread)  # while the client is waited for, and not the model
                if not channel.send(piece):
                    break
                self._state.calling(self._thread)
                piece = _next_piece(pieces)
            channel.end()
        except BaseException as error:
            if channel is None:
                raise
            log("model error", level=40, exc_info=True, request_id=job.request_id)
            channel.fail(error)
        finally:
            _close(pieces, job.request_id)

    def _fail(self, job: Invocation, error: BaseException) -> None:
        job.failed(error)
        self._mailbox.post(job.deliver)


def _next_piece(pieces: Iterator[Body]) -> Body | None:
    """The next piece that is not empty; None at the end."""
    for piece in pieces:
        body = as_body(piece)
        if len(body):
            return body
    return None


def _close(pieces: Iterator[Body], request_id: str) -> None:
    """Let a generator clean up behind itself."""
    close = getattr(pieces, "close", None)
    if close is not None:
        try:
            close()
        except BaseException:  # noqa: BLE001 - the answer has been sent
            log("model error", level=40, exc_info=True, request_id=request_id)
