"""InferenceSpec: loading and calling a model in your own words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class InferenceSpec(ABC):
    """Subclass this to package a model that no framework adapter knows, or to add your own steps around one.

    The module that defines the subclass, and the local modules it imports, are shipped as source. The instance's
    attributes are shipped too, so keep them small and plain; large files belong in ``artifacts``.

    >>> class Doubler(InferenceSpec):
    ...     def load(self, model_dir):
    ...         return 2
    ...
    ...     def invoke(self, input_object, model):
    ...         return [model * value for value in input_object]
    >>> spec = Doubler()
    >>> spec.invoke([1, 2], spec.load("."))
    [2, 4]
    """

    @abstractmethod
    def load(self, model_dir: str) -> Any:
        """Return the model.

        Args:
            model_dir: The folder with the model's files, ``/opt/ml/model`` in a container; do not write to it.
        """

    @abstractmethod
    def invoke(self, input_object: Any, model: Any) -> Any:
        """Return the prediction for one request.

        Args:
            input_object: The request, decoded by the schema.
            model: What :meth:`load` returned.
        """
