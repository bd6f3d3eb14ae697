"""What a framework adapter does, and what it hands to the builder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A model's files on disk, and what the rest of the build needs to know about them.

    Attributes:
        data_format: ``ubj``, ``pickle`` or ``skops``; decides which container versions can read it.
        model_class: Full name of the model's class.
        template: Template that loads the files and predicts: a path below ``templates/``, or ``package:path`` for an
            adapter that lives in a package of its own. It defines ``_load(model_dir)`` and ``_predict(data, model)``.
        template_values: Values for that template.
        modules: Names of modules that the files need at load, such as those of pickled classes.
        pickle_globals: ``module.name`` of every global that a pickle among the files names.
        reproducible: Whether saving the same model again gives the same bytes.
    """

    data_format: str
    model_class: str
    template: str
    template_values: Mapping[str, Any] = field(default_factory=dict)
    modules: Sequence[str] = ()
    pickle_globals: Sequence[str] = ()
    reproducible: bool = True


class FrameworkAdapter(Protocol):
    """How one framework's models are handled. Register yours as an entry point ``cdk_modelbuilder.frameworks``.

    Attributes:
        name: The framework's name in the image catalogue.
        model_server: The model server of that framework's AWS image.
        distribution: The distribution whose version decides the container image.
        provided_by: Other distributions that bring the same modules; they are written down as ``distribution``.
    """

    name: str
    model_server: str
    distribution: str
    provided_by: Sequence[str]

    def recognises(self, model: object) -> bool:
        """Whether ``model`` is this framework's, judged without importing the framework."""
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

    def save(self, model: Any, folder: Path, *, model_format: str | None, trust: Sequence[str]) -> SavedModel:
        """Write ``model`` into ``folder``, in ``model_format`` or in the framework's safest.

        Args:
            model: A model that this adapter recognises.
            folder: The bundle's ``model/`` folder.
            model_format: The user's wish, or None.
            trust: Patterns of globals that the user trusts beyond the allow-list.
        """
        ...

    def version(self) -> str:
        """Version of the framework in this process."""
        ...
