"""SavedModel folders: the computation and its weights, with named inputs and outputs, as TensorFlow Serving takes it.

https://www.tensorflow.org/guide/saved_model. Such a folder is a program: of its operations, those that touch files or
run Python are refused (https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.images.read_by import ReadBy
from cdk_modelbuilder.staging import place_file

PROGRAM_FILE = "saved_model.pb"
USUAL_SIGNATURE = "serving_default"

_UNSAFE = frozenset(
    {"DebugIdentityV2", "DebugIdentityV3", "EagerPyFunc", "MatchingFiles", "PyFunc", "PyFuncStateless"}
    | {"ReadFile", "Save", "SaveSlices", "WriteFile"}
)
"""Operations that run Python, or read or write files. Every folder has SaveV2 and RestoreV2, for its own weights."""


@dataclass(frozen=True, slots=True)
class ProgramFolder:
    """A folder that stands for the program in it.

    Attributes:
        path: The folder.
        loaded: The program, once it was loaded.
    """

    path: Path
    loaded: list[Any] = field(default_factory=list)

    @property
    def signatures(self) -> dict[str, Any]:
        """The program's signatures by name.

        Raises:
            ModelError: It cannot be loaded.
        """
        import tensorflow as tf  # noqa: PLC0415

        if not self.loaded:
            try:
                self.loaded.append(tf.saved_model.load(str(self.path)))
            except Exception as error:  # TensorFlow has many classes for what can be wrong
                raise ModelError(
                    f"{self.path} cannot be loaded: {' '.join(str(error).split())[:300]}.",
                    remedy="Save it again with tf.saved_model.save() or model.export().",
                ) from error
        return dict(self.loaded[0].signatures)


def is_program_folder(path: Path) -> bool:
    """Whether there is a SavedModel in the folder itself, or in its only numbered version."""
    return path.is_dir() and ((path / PROGRAM_FILE).is_file() or len(_versions(path)) > 0)


def _versions(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.name.isdigit() and (child / PROGRAM_FILE).is_file())


def open_program(path: Path) -> ProgramFolder:
    """The program in the folder.

    Raises:
        ModelError: There are several versions, or it runs Python or touches files.
    """
    if not (path / PROGRAM_FILE).is_file():
        versions = _versions(path)
        if len(versions) > 1:
            raise ModelError(
                f"{path} holds {len(versions)} versions: {', '.join(child.name for child in versions)}.",
                remedy=f"Give one of them, such as {versions[-1]}.",
            )
        path = versions[0]
    found = sorted(set(operations(path)) & _UNSAFE)
    if found:
        raise ModelError(
            f"{path} runs Python or touches files: {', '.join(found)}.",
            remedy="Write the model without tf.py_function() and tf.io, or load it in an InferenceSpec.",
        )
    return ProgramFolder(path)


def operations(path: Path) -> Iterator[str]:
    """Names of all operations in the program, read without running it.

    Raises:
        ModelError: The file is something else.
    """
    from google.protobuf.message import DecodeError  # noqa: PLC0415
    from tensorflow.core.protobuf import saved_model_pb2  # noqa: PLC0415

    program = saved_model_pb2.SavedModel()
    try:
        program.ParseFromString((path / PROGRAM_FILE).read_bytes())
    except DecodeError as error:
        raise ModelError(f"{path / PROGRAM_FILE} is no SavedModel: {error}.", remedy="Save it again.") from None
    for graph in program.meta_graphs:
        yield from (node.op for node in graph.graph_def.node)
        for function in graph.graph_def.library.function:
            yield from (node.op for node in function.node_def)


def save_folder(model: ProgramFolder, folder: Path, sample: Any) -> SavedModel:
    """Place the program's files.

    Raises:
        ModelError: It has no signature.
    """
    if not model.signatures:
        raise no_signature(f"the program in {model.path}")
    for path in sorted(model.path.rglob("*")):
        inside = path.relative_to(model.path)
        if path.is_file() and inside.name != "fingerprint.pb" and inside.parts[0] in _PARTS:
            place_file(path, folder / inside)
    return saved_program(model, "tensorflow.SavedModel", sample, signatures=sorted(model.signatures))


_PARTS = (PROGRAM_FILE, "variables", "assets", "keras_metadata.pb")


def no_signature(what: str) -> ModelError:
    """The error for a program that has no named inputs and outputs."""
    return ModelError(
        f"{what} has no signature: no function with named inputs and outputs.",
        remedy="Give one: tf.saved_model.save(module, folder, signatures=module.__call__.get_concrete_function(...)).",
    )


def saved_program(
    model: ProgramFolder,
    kind: str,
    sample: Any,
    *,
    outputs: Sequence[str] = (),
    signatures: Sequence[str] = (),
    forms: Mapping[str, str] = MappingProxyType({}),
) -> SavedModel:
    """What the rest of the build needs to know about the program.

    Args:
        model: The folder.
        kind: Full name of the model's class.
        sample: The sample input.
        outputs: Names of the outputs in order, where the model's answer is a list of them.
        signatures: Signatures that a prediction method may name; any other method is the usual one.
        forms: Method -> what its answer is made of, where that is not what the sample is made of.
    """
    found = model.signatures
    usual = found[USUAL_SIGNATURE if USUAL_SIGNATURE in found else min(found)]
    return SavedModel(
        data_format="saved_model",
        model_class=kind,
        template="inference/tensorflow_program.py.jinja",
        template_values={
            "form": form_of(sample),
            "forms": dict(forms),
            "outputs": list(outputs) or None,
            "signatures": list(signatures),
            "usual": USUAL_SIGNATURE,
        },
        read_by=ReadBy.NEWER,
        modules=["tensorflow"],
        reproducible=False,
        description={
            "signature": {
                "inputs": {name: _facts(spec) for name, spec in sorted(usual.structured_input_signature[1].items())},
                "outputs": {name: _facts(spec) for name, spec in sorted(usual.structured_outputs.items())},
            }
        },
    )


def form_of(data: Any) -> str:
    """What the answer is made of: ``tensor`` if the input has one, else ``numpy``."""
    import tensorflow as tf  # noqa: PLC0415

    return "tensor" if any(isinstance(item, tf.Tensor) for item in tf.nest.flatten(data)) else "numpy"


def _facts(spec: Any) -> dict[str, Any]:
    shape = None if spec.shape.rank is None else spec.shape.as_list()
    return {"dtype": spec.dtype.name, "shape": shape}
