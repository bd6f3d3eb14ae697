"""Loads ``code/inference.py`` of a verified model folder and holds its four hooks."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.integrity import verifier


@dataclass(frozen=True)
class Hooks:
    """The functions that SageMaker's toolkits call, with the names they look for."""

    model_fn: Callable[[str], Any]
    input_fn: Callable[[Any, str], Any]
    predict_fn: Callable[[Any, Any], Any]
    output_fn: Callable[[Any, str], Any]

    def answer(self, model: Any, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Response body and content type for one request."""
        prediction = self.predict_fn(self.input_fn(body, content_type), model)
        return _response_of(self.output_fn(prediction, accept), accept)


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
    return Hooks(module.model_fn, module.input_fn, module.predict_fn, module.output_fn)


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


def _response_of(answer: Any, accept: str) -> tuple[bytes, str]:
    """Body and content type of what ``output_fn`` returned: bytes, text, or a pair with the content type."""
    content_type = accept
    if isinstance(answer, tuple) and len(answer) == 2:
        answer, content_type = answer
    body = answer.encode("utf-8") if isinstance(answer, str) else bytes(answer)
    return body, content_type
