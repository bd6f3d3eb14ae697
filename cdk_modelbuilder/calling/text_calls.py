"""The calls of language models, in the shape of OpenAI's API, whichever server answers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

from cdk_modelbuilder.calling.text_answers import Embeddings, GeneratedText, check_model
from cdk_modelbuilder.calling.text_request import Sampling, check_messages, check_prompt, check_texts, json_request
from cdk_modelbuilder.calling.text_servers import TextServer, text_server
from cdk_modelbuilder.calling.text_stream import TextStream
from cdk_modelbuilder.calling.transport import Request, Transport
from cdk_modelbuilder.container_spec import ContainerSpec

_STREAMS = "text/event-stream, application/jsonlines;q=0.9, */*;q=0.1"
"""What streams are written in; most servers do not ask."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How requests to a server are led to a model.

    Attributes:
        fields: Fields that say which model answers.
        route: Where an adapter is called, if it is called by a route of its own.
        adapter: That adapter.
    """

    fields: Mapping[str, str]
    route: str | None = None
    adapter: str | None = None

    def lead(self, request: Request) -> Request:
        """``request``, led there."""
        if self.adapter is None:
            return request
        return replace(request, attributes=f"route={self.route}", adapter=self.adapter)


class TextCalls:
    """What a predictor of a language model offers beside ``predict()``."""

    _transport: Transport
    _container: ContainerSpec

    @overload
    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        stream: Literal[False] = False,
        model: str | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        response_format: Mapping[str, Any] | None = None,
        **extra: Any,
    ) -> GeneratedText: ...
    @overload
    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        stream: Literal[True],
        model: str | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        response_format: Mapping[str, Any] | None = None,
        **extra: Any,
    ) -> TextStream: ...
    @overload
    def chat(
        self, messages: Sequence[Mapping[str, Any]], *, stream: bool, **more: Any
    ) -> GeneratedText | TextStream: ...
    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        stream: bool = False,
        model: str | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        response_format: Mapping[str, Any] | None = None,
        **extra: Any,
    ) -> GeneratedText | TextStream:
        """The model's answer in a conversation; for vLLM, SGLang, LMI and Text Generation Inference.

        Args:
            messages: The conversation so far, as in OpenAI's API: ``{"role": "user", "content": "Hello?"}``.
            max_tokens: Longest answer in tokens. Default: the server's.
            temperature: 0 takes the likeliest token each time. Default: the model's, else the server's.
            top_p: Tokens are drawn from the likeliest ones that add up to this.
            stop: One text, or up to four, at which the answer ends.
            stream: Give the pieces as they are written.
            model: Name of a LoRA adapter. Default: the base model.
            tools: What the model may call.
            response_format: Which form the answer has.
            extra: Further fields of the request, such as ``seed=1``.

        Raises:
            UsageError: The bundle's server takes no chats, or an argument that no server takes; nothing was sent.
            PredictionError: The endpoint answered with an error, or not at all. While pieces are read:
                ``StreamInterruptedError``.
        """
        server = text_server(self._container, "chat")
        way = self._way(server, model, "/v1/chat/completions")
        fields = {
            **way.fields,
            "messages": check_messages(messages),
            **Sampling(max_tokens, temperature, top_p, stop).fields(),
        }
        if tools is not None:
            fields["tools"] = list(tools)
        if response_format is not None:
            fields["response_format"] = dict(response_format)
        return self._generate(way, fields, extra, stream=stream)

    @overload
    def complete(
        self,
        prompt: str,
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        stream: Literal[False] = False,
        model: str | None = None,
        **extra: Any,
    ) -> GeneratedText: ...
    @overload
    def complete(
        self,
        prompt: str,
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        stream: Literal[True],
        model: str | None = None,
        **extra: Any,
    ) -> TextStream: ...
    @overload
    def complete(self, prompt: str, *, stream: bool, **more: Any) -> GeneratedText | TextStream: ...
    def complete(
        self,
        prompt: str,
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        stream: bool = False,
        model: str | None = None,
        **extra: Any,
    ) -> GeneratedText | TextStream:
        """What the model writes behind ``prompt``, without a chat template; for vLLM, LMI and TGI.

        Args:
            prompt: The text to go on from.
            max_tokens: As of :meth:`chat`, like the others.
            temperature: See there.
            top_p: See there.
            stop: See there.
            stream: See there.
            model: See there.
            extra: Further fields of the request.

        Raises:
            UsageError: The bundle's server takes no completions, or an argument that no server takes.
            PredictionError: The endpoint answered with an error, or not at all. While pieces are read:
                ``StreamInterruptedError``.
        """
        server = text_server(self._container, "complete")
        way = self._way(server, model, "/v1/completions")
        fields = {
            **way.fields,
            "prompt": check_prompt(prompt),
            **Sampling(max_tokens, temperature, top_p, stop).fields(),
        }
        return self._generate(way, fields, extra, stream=stream)

    def embed(self, texts: str | Sequence[str], *, model: str | None = None, **extra: Any) -> Embeddings:
        """A vector for each text; for vLLM, LMI and Text Embeddings Inference.

        More texts than the server takes at a time go in several requests, one after the other.

        Args:
            texts: A list of texts, or one text.
            model: Name of a LoRA adapter. Default: the base model.
            extra: Further fields of the request, such as ``dimensions=256`` or, for Text Embeddings Inference,
                ``truncate=True``.

        Raises:
            UsageError: The bundle's server does not embed, or an argument that no server takes; nothing was sent.
            PredictionError: The endpoint answered with an error, or not at all.
        """
        server = text_server(self._container, "embed")
        given = check_texts(texts)
        way = self._way(server, model, "/v1/embeddings")
        most = server.texts_a_request(self._container) or len(given)
        parts = [given[start : start + most] for start in range(0, len(given), most)]
        requests = [json_request({**way.fields, str(server.embeds): part}, extra) for part in parts]
        ready = [self._checked(way.lead(request)) for request in requests]
        found = Embeddings.of([self._transport.send(request).body for request in ready], [len(part) for part in parts])
        for answer in found.raw:
            check_model(way.adapter, answer)
        return found

    def _way(self, server: TextServer, model: str | None, route: str) -> _Way:
        fields = server.model_fields(model, self._container)
        adapter = server.adapter_of(model, self._container) if server.routes_adapters else None
        return _Way(fields, route, adapter)

    def _generate(
        self, way: _Way, fields: dict[str, Any], extra: dict[str, Any], *, stream: bool
    ) -> GeneratedText | TextStream:
        if not stream:
            request = self._checked(way.lead(json_request(fields, extra)))
            found = GeneratedText.of(self._transport.send(request).body)
            check_model(way.adapter, found.raw)
            return found
        # Else the tokens are not counted in streams.
        counted = {} if "stream_options" in extra else {"stream_options": {"include_usage": True}}
        asked = replace(json_request({**fields, "stream": True, **counted}, extra), accept=_STREAMS)
        answer = self._transport.stream(self._checked(way.lead(asked)))
        return TextStream(answer, self._transport.address, way.adapter)

    def _checked(self, request: Request) -> Request:
        """``request``, if the endpoint takes one so large."""
        raise NotImplementedError
