"""What each server of language models takes at ``/invocations``.

Sources, read in 2026-11:

- vLLM: vllm-project/vllm, ``vllm/entrypoints/serve/sagemaker/api_router.py`` (chat, completion and pooling requests,
  told apart by their fields); aws/model-hosting-container-standards, ``sagemaker/lora`` (``model`` is overwritten with
  what SageMaker's header says, with nothing if there is none); aws/deep-learning-containers,
  ``scripts/docker/vllm/sagemaker_serve.py`` (``route=/v1/...`` in CustomAttributes leads to one that reads ``model``).
- SGLang: sgl-project/sglang, ``python/sglang/srt/entrypoints/http_server.py`` (chat alone).
- LMI: deepjavalibrary/djl-serving, ``engines/python/setup/djl_python/lmi_vllm/vllm_async_service.py`` (chat,
  completion, embeddings as ``inputs``; ``adapters`` names a LoRA adapter), ``async_utils.py`` (streams are JSON lines).
- huggingface/text-generation-inference, ``router/src/sagemaker.rs`` and ``router/src/lib.rs`` (chat and completion;
  ``model`` is taken for an adapter).
- huggingface/text-embeddings-inference, ``router/src/http/server.rs`` (``inputs``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.errors import UsageError


@dataclass(frozen=True, slots=True)
class TextServer:
    """One server.

    Attributes:
        title: For people.
        chats: Whether it takes ``messages``.
        completes: Whether it takes a ``prompt``.
        embeds: Which field has the texts to embed: OpenAI's ``input``, or ``inputs``; None where it embeds nothing.
        name_variable: The variable with the name that it serves the model by, to be said as ``model``.
        adapter_field: Which field names a LoRA adapter; None for none.
        adapters_variable: The variable with the adapters that it has, where it answers others as the base, without a
            word (huggingface/text-generation-inference, issue 2505).
        routes_adapters: Whether a LoRA adapter is called by another route, as ``model`` is overwritten at
            ``/invocations``; answers say which model they are from.
        texts_variable: The variable with the most texts that one request may have.
        most_texts: That number where the variable is not set; None for no limit.
    """

    title: str
    chats: bool = True
    completes: bool = True
    embeds: str | None = None
    name_variable: str | None = None
    adapter_field: str | None = "model"
    adapters_variable: str | None = None
    routes_adapters: bool = False
    texts_variable: str | None = None
    most_texts: int | None = None

    def served_name(self, container: ContainerSpec) -> str | None:
        """The base model's name in requests; None where requests do not need one."""
        said = "" if self.name_variable is None else container.environment.get(self.name_variable, "").strip()
        if not said.startswith("["):
            return said or None
        try:
            names = json.loads(said)  # several names for the same model
        except ValueError:
            return said
        return str(names[0]) if isinstance(names, list) and names else None

    def texts_a_request(self, container: ContainerSpec) -> int | None:
        """How many texts one request may have; None for any number."""
        said = "" if self.texts_variable is None else container.environment.get(self.texts_variable, "")
        return int(said) if said.isdecimal() and int(said) > 0 else self.most_texts

    def adapter_of(self, model: str | None, container: ContainerSpec) -> str | None:
        """The LoRA adapter that ``model`` names; None for the base model."""
        return None if model is None or model == self.served_name(container) else model

    def model_fields(self, model: str | None, container: ContainerSpec) -> Mapping[str, str]:
        """The fields that say which model answers: the base, or an adapter on it.

        Raises:
            UsageError: The server has but one model, and another was named; or it has no such adapter, and would not
                say so.
        """
        served, adapter = self.served_name(container), self.adapter_of(model, container)
        if adapter is None:
            return {} if served is None else {"model": served}
        if self.adapter_field is None:
            raise UsageError(
                f"model={model!r} was named, and {self.title} serves one model alone.", remedy="Leave model= out."
            )
        if self.adapters_variable is not None:
            _check_listed(adapter, container.environment.get(self.adapters_variable, ""))
        base = {} if served is None or self.adapter_field == "model" else {"model": served}
        return {**base, self.adapter_field: adapter}


_SERVERS: Mapping[str, TextServer] = {
    "vllm": TextServer("vLLM", embeds="input", name_variable="SM_VLLM_SERVED_MODEL_NAME", routes_adapters=True),
    "sglang": TextServer(
        "SGLang", completes=False, name_variable="SM_SGLANG_SERVED_MODEL_NAME", adapter_field="lora_path"
    ),
    "djl_serving": TextServer(
        "LMI (DJL Serving)", embeds="inputs", name_variable="OPTION_SERVED_MODEL_NAME", adapter_field="adapters"
    ),
    "tgi": TextServer("Text Generation Inference", adapters_variable="LORA_ADAPTERS"),
    "tei": TextServer(
        "Text Embeddings Inference",
        chats=False,
        completes=False,
        embeds="inputs",
        adapter_field=None,
        texts_variable="MAX_CLIENT_BATCH_SIZE",
        most_texts=32,
    ),
}


def text_server(container: ContainerSpec | None, call: str) -> TextServer:
    """The server of ``container``, if it takes what ``call`` sends.

    Args:
        container: The container spec of the bundle that the endpoint serves.
        call: ``chat``, ``complete`` or ``embed``.

    Raises:
        UsageError: It is no server of language models, or has no such requests.
    """
    name = "" if container is None else container.model_server
    server = _SERVERS.get(name) if container is None or name != "djl_serving" or _is_lmi(container) else None
    able = {
        "chat": [key for key, one in _SERVERS.items() if one.chats],
        "complete": [key for key, one in _SERVERS.items() if one.completes],
        "embed": [key for key, one in _SERVERS.items() if one.embeds],
    }[call]
    if server is None:
        raise UsageError(
            f"{call}() was called on a bundle whose server is {name or 'not known'}, "
            "which takes no requests in OpenAI's shape.",
            remedy=f"Use predict(), or build with model_server= one of {', '.join(able)}.",
        )
    if name not in able:
        instead = " Ask with chat()." if call == "complete" and server.chats else ""
        raise UsageError(
            f"{server.title} takes no requests of {call}() at {container.invocations_path if container else ''}.",
            remedy=f"{call}() is for {', '.join(able)}.{instead}",
        )
    return server


def _check_listed(adapter: str, listed: str) -> None:
    """``listed`` is ``name=path,hub/id@revision``."""
    known = [one.strip().partition("=")[0].partition("@")[0] for one in listed.split(",") if one.strip()]
    if adapter not in known:
        raise UsageError(
            f"the endpoint has no adapter {adapter!r}.",
            remedy=f"It has {', '.join(known)}." if known else "Build the bundle with lora_adapters=.",
        )


def _is_lmi(container: ContainerSpec) -> bool:
    """Whether DJL Serving reads a model's files itself; else it runs the bundle's code."""
    return any(name == "HF_MODEL_ID" or name.startswith("OPTION_") for name in container.environment)
