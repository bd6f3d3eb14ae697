"""What a framework adapter does, and what it hands to the builder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cdk_modelbuilder.images.read_by import ReadBy


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A model's files on disk, and what the rest of the build needs to know about them.

    Attributes:
        data_format: The format's name, for the description: ``ubj``, ``pickle``, ``safetensors``, ``saved_model``, ...
        model_class: Full name of the model's class.
        template: Template that loads the files and predicts: a path below ``templates/``, or ``package:path`` for an
            adapter that lives in a package of its own. It defines ``_load(model_dir)``, which gets the folder that
            :meth:`FrameworkAdapter.save` wrote to, and ``_predict(data, model)``.
        template_values: Values for that template.
        read_by: Which versions of the framework can read the files; decides which container images can run them.
        reads_since: Oldest version of the framework that reads the files, where they say it; None for the one that
            saved them.
        python: Minor version of Python that the files are tied to, such as ``3.11``; None for none.
        modules: Names of modules that the files need at load, such as those of pickled classes.
        pickle_globals: ``module.name`` of every global that a pickle among the files names.
        reproducible: Whether saving the same model again gives the same bytes.
        notes: What the user should know about how it was saved.
        description: More facts for ``bundle.json``, such as the task of a pipeline.
        requirements: A file of packages that the model brings, below the folder; used unless the user names another.
    """

    data_format: str
    model_class: str
    template: str
    template_values: Mapping[str, Any] = field(default_factory=dict)
    read_by: ReadBy = ReadBy.SAME_MINOR
    reads_since: str | None = None
    python: str | None = None
    modules: Sequence[str] = ()
    pickle_globals: Sequence[str] = ()
    reproducible: bool = True
    notes: Sequence[str] = ()
    description: Mapping[str, Any] = field(default_factory=dict)
    requirements: str | None = None


class FrameworkAdapter(Protocol):
    """How one framework's models are handled. Register yours as an entry point ``cdk_modelbuilder.frameworks``.

    Attributes:
        name: The framework's name in the image catalogue.
        model_servers: Values of :class:`~cdk_modelbuilder.servers.ModelServer` that run its models, best first: the
            first one whose image can read the files is taken. ``builtin`` always can.
        imported_as: Top-level module of the framework, by which an InferenceSpec that uses it is known.
        distribution: The distribution whose version decides the container image.
        provided_by: Other distributions that bring the same modules; they are written down as ``distribution``.
    """

    name: str
    model_servers: Sequence[str]
    imported_as: str
    distribution: str
    provided_by: Sequence[str]

    def recognises(self, model: object) -> bool:
        """Whether ``model`` is this framework's, judged without importing the framework."""
        ...

    def opens(self, path: Path) -> bool:
        """Whether the file or folder at ``path`` is a model of this framework: judged by names and first bytes."""
        ...

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:
        """The model at ``path``, which :meth:`opens`: something that :meth:`recognises`.

        A handle that only stands for the files does too, where loading them takes long or nothing is gained by it.

        Args:
            path: A file or a folder.
            trust: Patterns of globals that the user trusts beyond the allow-list.

        Raises:
            ModelError: It cannot be loaded, or not without running code that nobody has vouched for.
        """
        ...

    def check(self, model: Any) -> None:
        """Raise ModelError if ``model`` is not fitted or cannot be packaged."""
        ...

    def methods(self, model: Any) -> Sequence[str]:
        """Names of the prediction methods that ``model`` offers, the usual one first."""
        ...

    def predict(self, model: Any, data: Any, method: str) -> Any:
        """The in-memory prediction that the packaged model has to reproduce."""
        ...

    def save(
        self, model: Any, folder: Path, *, model_format: str | None, trust: Sequence[str], sample: Any
    ) -> SavedModel:
        """Write ``model`` into ``folder``, in ``model_format`` or in the framework's safest.

        Args:
            model: A model that this adapter recognises.
            folder: Where the bundle's files go; it is there and holds nothing.
            model_format: The user's wish, or that of the model server; None for the adapter's own choice.
            trust: Patterns of globals that the user trusts beyond the allow-list.
            sample: The sample input, for formats that trace the model.

        Raises:
            ModelError: It cannot be saved so.
        """
        ...

    def version(self) -> str:
        """Version of the framework in this process."""
        ...
