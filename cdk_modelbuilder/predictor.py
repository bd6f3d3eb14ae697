"""Predictor: calls an endpoint with Python values; the schema makes the bytes, a transport carries them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sized
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from cdk_modelbuilder.calling.arguments import check_header
from cdk_modelbuilder.calling.batch import call_for_each, check_batch
from cdk_modelbuilder.calling.connect import Address, Queue, connect
from cdk_modelbuilder.calling.http_errors import refuse_large
from cdk_modelbuilder.calling.payloads import Payloads
from cdk_modelbuilder.calling.pending import AnswerInThread, PendingPrediction
from cdk_modelbuilder.calling.progress import OnProgress, reporter
from cdk_modelbuilder.calling.stream import PredictionStream
from cdk_modelbuilder.calling.text_calls import TextCalls
from cdk_modelbuilder.calling.transport import Body, Request, StreamedAnswer, Transport
from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:
    from cdk_modelbuilder.bundle import ModelBundle

_THREADS = 16
"""Requests of predict_async() that run at a time; more wait their turn."""


class Predictor(TextCalls):
    """Talks to one endpoint, here or in SageMaker. Threads may share one.

    ``deploy()`` returns one; :meth:`from_bundle` makes one for an endpoint that runs already. As a context manager it
    deletes an endpoint that ``deploy()`` started, and closes its connections.

    Args:
        endpoint: The endpoint's address without a path, such as ``http://127.0.0.1:8080``, or a transport to it.
        schema: ``schema.json`` of the bundle that it serves, as plain data.
        container: The bundle's container spec: path, limits and time limit of an invocation.
        queue: Where :meth:`predict_async` sends to. Default: ``endpoint``, in threads.
        on_delete: What :meth:`delete_endpoint` does.
        input_translator: Instance of the input's payload translator, if its module is not to be had here.
        output_translator: The same for the output.

    Raises:
        UsageError: The address is no URL.
    """

    def __init__(
        self,
        endpoint: str | Transport,
        *,
        schema: Mapping[str, Any],
        container: ContainerSpec,
        queue: Queue | None = None,
        on_delete: Callable[[], object] | None = None,
        input_translator: Any = None,
        output_translator: Any = None,
    ) -> None:
        self._payloads = Payloads(
            schema,
            input_translator=input_translator,
            output_translator=output_translator,
            labelled=container is None or container.labels_answers,
        )
        self._container = container
        if isinstance(endpoint, str):
            endpoint, _ = connect(Address(url=endpoint), container)
        self._transport = endpoint
        self._queue = queue
        self._on_delete = on_delete
        self._deletes = on_delete is not None
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    @classmethod
    def from_bundle(
        cls,
        bundle: ModelBundle | Path | str,
        *,
        url: str | None = None,
        endpoint_name: str | None = None,
        inference_component_name: str | None = None,
        target_variant: str | None = None,
        custom_attributes: str | None = None,
        async_input: str | None = None,
        region: str | None = None,
        session: Any = None,
        boto_client: Any = None,
        timeout: float | None = None,
        max_attempts: int = 3,
        input_translator: Any = None,
        output_translator: Any = None,
    ) -> Predictor:
        """A predictor for an endpoint that serves ``bundle``, whoever deployed it.

        Of the bundle only the text files are needed. Give either ``url`` or ``endpoint_name``.

        Args:
            bundle: The bundle, or its folder.
            url: The endpoint's address without a path, such as ``http://127.0.0.1:8080``. A user and a password in
                it are sent as basic authentication, and shown nowhere.
            endpoint_name: The endpoint's name in SageMaker.
            inference_component_name: Which model on it, if it hosts inference components.
            target_variant: Which production variant, if it has several.
            custom_attributes: A text that the container sees in X-Amzn-SageMaker-Custom-Attributes.
            async_input: ``s3://bucket/prefix`` for inputs of :meth:`predict_async`: the endpoint is an asynchronous
                one. Whoever calls needs s3:PutObject there and s3:GetObject where the answers go.
            region: AWS region. Default: the session's, else the environment's.
            session: A boto3 session. Default: one with the environment's credentials.
            boto_client: A client of sagemaker-runtime to use as it is, with its own time-outs and retries.
            timeout: Seconds until the answer must begin. Default: the container spec's, and ten more for SageMaker.
            max_attempts: How often a request is sent if the endpoint is throttled. Time-outs, connections that break
                and errors of the model are final.
            input_translator: Instance of the input's payload translator, if its module is not to be had here.
            output_translator: The same for the output.

        Raises:
            BundleError: Not a bundle, cut short, or of a newer format.
            IntegrityError: The bundle's text files contradict each other.
            UsageError: Arguments that contradict each other, no region, or boto3 is not installed.
        """
        from cdk_modelbuilder.bundle import ModelBundle  # noqa: PLC0415 - a bundle can deploy(), which needs this file

        opened = bundle if isinstance(bundle, ModelBundle) else ModelBundle.read(bundle)
        transport, queue = connect(
            Address(
                url=url,
                endpoint_name=endpoint_name,
                inference_component_name=inference_component_name,
                target_variant=target_variant,
                custom_attributes=custom_attributes,
                async_input=async_input,
                region=region,
                session=session,
                boto_client=boto_client,
                timeout=timeout,
                max_attempts=max_attempts,
            ),
            opened.container,
        )
        return cls(
            transport,
            schema=opened.schema,
            container=opened.container,
            queue=queue,
            input_translator=input_translator,
            output_translator=output_translator,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._deletes:
            self.delete_endpoint()
        else:
            self.close()

    def __repr__(self) -> str:
        return f"<Predictor for {self._transport.address}>"

    def __getattr__(self, name: str) -> NoReturn:
        from cdk_modelbuilder.migration import PREDICTOR_METHODS, refuse_attribute  # noqa: PLC0415 - only then

        refuse_attribute(self, name, PREDICTOR_METHODS)

    @property
    def url(self) -> str | None:
        """The endpoint's address without a path, user and password; None for one in SageMaker."""
        return self._transport.url

    def predict(self, data: Any) -> Any:
        """The prediction for ``data``, a value like the schema's input sample.

        Raises:
            SchemaError: ``data`` does not fit the schema; nothing was sent.
            BundleError: The schema cannot be used here: its version, a library that is not installed, a translator.
            PredictionError: The endpoint answered with an error, or not at all; its subclasses say which.
        """
        return self._payloads.value(self._transport.send(self._checked(self._payloads.request(data))))

    def predict_stream(self, data: Any) -> PredictionStream:
        """The prediction for ``data``, item by item as it arrives.

        For an output that is no stream, the one prediction is the only item.

        Raises:
            SchemaError: ``data`` does not fit the schema; nothing was sent.
            PredictionError: The endpoint answered with an error. While items are read: ``StreamInterruptedError``.
        """
        answer = self._transport.stream(self._checked(self._payloads.request(data)))
        return PredictionStream(answer, self._payloads.items)

    def predict_async(self, data: Any) -> PendingPrediction:
        """Begin a prediction and return at once; ``result()`` of what this returns waits for it.

        With ``async_input`` this is SageMaker's InvokeEndpointAsync: input and answer go through S3, may have up to
        1 GB and may take an hour. Otherwise a thread waits for the answer.

        Raises:
            SchemaError: ``data`` does not fit the schema; nothing was sent.
            PredictionError: The asynchronous endpoint did not take the request.
        """
        request = self._payloads.request(data)
        if self._queue is not None:
            return PendingPrediction(self._queue.submit(request), self._payloads.value)
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="predict")
            future = self._threads.submit(self._transport.send, self._checked(request))
        return PendingPrediction(AnswerInThread(future, self._transport.address), self._payloads.value)

    def predict_batch(
        self,
        items: Iterable[Any],
        *,
        concurrency: int = 8,
        progress: bool | OnProgress | None = None,
        return_errors: bool = False,
    ) -> list[Any]:
        """The prediction for each of ``items``, in their order.

        The first error stops it: nothing more is sent then.

        Args:
            items: Values like the schema's input sample. A generator is read as places become free.
            concurrency: How many requests run at a time.
            progress: True shows a bar on a terminal. A callable gets the number of answers so far, and that of
                items, or None if nobody knows it.
            return_errors: Put errors in the place of answers instead of raising the first.

        Raises:
            SchemaError: An item does not fit the schema.
            PredictionError: The endpoint answered with an error, or not at all.
            UsageError: ``items`` is one value, not many, or ``concurrency`` is no number of at least 1.
        """
        check_batch(items, concurrency)
        total = len(items) if isinstance(items, Sized) else None
        with reporter(progress) as report:
            return call_for_each(
                self.predict,
                items,
                concurrency=concurrency,
                on_done=lambda done: report(done, total),
                return_errors=return_errors,
            )

    def invoke(self, body: Body, *, content_type: str, accept: str = "*/*") -> tuple[bytes, str]:
        """Send bytes as they are and return the response's body and content type.

        Raises:
            UsageError: The content type or ``accept`` cannot be sent, or the body is not bytes.
            PredictionError: The endpoint answered with an error, or not at all.
        """
        answer = self._transport.send(self._checked(_as_given(body, content_type, accept)))
        return bytes(answer.body), answer.content_type

    def invoke_stream(self, body: Body, *, content_type: str, accept: str = "*/*") -> StreamedAnswer:
        """Send bytes as they are and return the response's chunks as they arrive.

        Raises:
            UsageError: The content type or ``accept`` cannot be sent, or the body is not bytes.
            PredictionError: The endpoint answered with an error. While chunks are read: ``StreamInterruptedError``.
        """
        return self._transport.stream(self._checked(_as_given(body, content_type, accept)))

    def delete_endpoint(self) -> None:
        """Stop the endpoint that ``deploy()`` started and close the connections; a second call does nothing.

        Raises:
            UsageError: Somebody else deployed the endpoint. It is left alone.
        """
        self.close()
        if not self._deletes:
            raise UsageError(
                f"{self._transport.address} was not started by this predictor and runs on.",
                remedy="Whoever deployed it removes it, for instance with `cdk destroy`. close() ends the connections.",
            )
        with self._lock:
            on_delete, self._on_delete = self._on_delete, None
        if on_delete is not None:
            on_delete()

    def close(self) -> None:
        """Close the connections; the endpoint runs on.

        Requests of :meth:`predict_async` that were sent are waited for; those that still wait for their turn are not
        sent, and their ``result()`` says so.
        """
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(cancel_futures=True)
        self._transport.close()
        if self._queue is not None:
            self._queue.close()

    def _checked(self, request: Request) -> Request:
        transport = self._transport
        remedy = "Send fewer rows at a time"
        if transport.url is None:
            remedy += ", or use predict_async() of an asynchronous endpoint (async_input=), which takes up to 1 GB"
        refuse_large(request.size, transport.max_payload_bytes, address=transport.address, remedy=f"{remedy}.")
        return request


def _as_given(body: Body, content_type: str, accept: str) -> Request:
    """A request of the caller's own making."""
    check_header("content_type", content_type)
    check_header("accept", accept)
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise UsageError(f"the body is a {type(body).__name__}.", remedy="Give bytes, or use predict().")
    return Request(body, content_type, accept)
