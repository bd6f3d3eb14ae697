"""Loads ``code/inference.py`` of a verified model folder and holds its hooks."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.serving.exchange import Body


@dataclass(frozen=True)
class Hooks:
    """The functions that SageMaker's toolkits call, with the names they look for; and what only our server knows.

    Attributes:
        model_fn: The model, from its folder.
        input_fn: The model's input, from body and content type.
        predict_fn: The prediction, from input and model.
        output_fn: Body, or body and content type, from prediction and Accept header.
        stream_fn: Pieces and content type, from prediction and Accept header; None from it means "not a stream".
        predict_batch_fn: Predictions, from a list of inputs and the model; in the same order.
        batch: ``max_batch_size`` and ``max_batch_delay_ms``; empty where requests are predicted one by one.
    """

    model_fn: Callable[[str], Any]
    input_fn: Callable[[Any, str], Any]
    predict_fn: Callable[[Any, Any], Any]
    output_fn: Callable[[Any, str], Any]
    stream_fn: Callable[[Any, str], tuple[Iterable[Body], str] | None] | None = None
    predict_batch_fn: Callable[[list[Any], Any], Sequence[Any]] | None = None
    batch: Mapping[str, float] = field(default_factory=dict)

    def answer(self, model: Any, body: Body, content_type: str, accept: str) -> tuple[Body, str]:
        """Response body and content type for one request; a streamed answer is in one piece here."""
        return self.encode(self.predict_fn(self.input_fn(body, content_type), model), accept)

    def encode(self, prediction: Any, accept: str) -> tuple[Body, str]:
        """Response body and content type for one prediction."""
        answer, content_type = self.output_fn(prediction, accept), accept
        if isinstance(answer, tuple) and len(answer) == 2:
            answer, content_type = answer
        return as_body(answer), content_type


def as_body(answer: Any) -> Body:
    """What a hook returned, as bytes in one of the forms that can be sent as they lie.

    Raises:
        TypeError: It is neither text nor bytes.
    """
    if isinstance(answer, bytes | bytearray):
        return answer
    if isinstance(answer, str):
        return answer.encode("utf-8")
    view = memoryview(answer)
    return view.cast("B") if view.c_contiguous else view.tobytes()


def load_hooks(model_dir: Path, *, vouched_root: str | None = None) -> Hooks:
    """Verify ``model_dir`` against this process's environment and import its inference code.

    Args:
        model_dir: A bundle's ``model/`` folder.
        vouched_root: Root digest of a folder that the caller has just hashed itself; only build() has such a folder,
            and nothing that runs in a container gives this.

    The verifier of this package stands in for the bundle's own copy: code that could itself have been replaced does
    not get to check itself.

    Raises:
        verifier.IntegrityError: The folder is not what was signed; nothing of it was imported then.
    """
    sys.dont_write_bytecode = True
    if vouched_root is not None:
        verifier.remember(model_dir, vouched_root)
    verifier.verify_from_environment(model_dir)
    sys.modules["modelbuilder_verify"] = verifier
    code = str(Path(model_dir).resolve() / "code")
    if code not in sys.path:
        sys.path.insert(0, code)
    spec = importlib.util.spec_from_file_location("inference", Path(code) / "inference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["inference"] = module
    spec.loader.exec_module(module)
    return Hooks(
        module.model_fn,
        module.input_fn,
        module.predict_fn,
        module.output_fn,
        stream_fn=getattr(module, "stream_fn", None),
        predict_batch_fn=getattr(module, "predict_batch_fn", None),
        batch=getattr(module, "BATCH", {}),
    )


@contextmanager
def loaded_aside(model_dir: Path, *, vouched_root: str) -> Iterator[Hooks]:
    """The hooks of a folder just built, for a while; afterwards the interpreter's modules and path are as they were."""
    modules, path, flag = dict(sys.modules), list(sys.path), sys.dont_write_bytecode
    try:
        yield load_hooks(model_dir, vouched_root=vouched_root)
    finally:
        sys.path[:], sys.dont_write_bytecode = path, flag
        root = str(Path(model_dir).resolve())
        for name in set(sys.modules) - set(modules):
            origin = getattr(sys.modules[name], "__file__", None) or ""
            if origin.startswith(root) or name in ("inference", "modelbuilder_verify"):
                del sys.modules[name]
        for name in ("inference", "modelbuilder_verify"):
            if name in modules:
                sys.modules[name] = modules[name]
        verifier.forget(model_dir)
