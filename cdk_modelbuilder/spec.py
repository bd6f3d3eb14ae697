"""InferenceSpec: loading and calling a model in your own words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class InferenceSpec(ABC):
    """Subclass this to package a model that no framework adapter knows, or to add your own steps around one.

    The module that defines the subclass, and the local modules it imports, are shipped as source. The instance's
    attributes are shipped too, so keep them small and plain; large files belong in ``artifacts``.

    For one request, ``preprocess``, ``invoke`` and ``postprocess`` are called in this order.

    Attributes:
        max_batch_size: More than 1 has :meth:`invoke` called with a *list* of up to so many inputs, each one request's,
            and it returns a list of as many predictions, in the same order. This project's server then gathers requests
            that come at the same time; other servers call it with lists of one. Where a call fails, each of its
            requests is tried again alone, so leave the inputs as they are.
        max_batch_delay_ms: How long the server waits for more requests before it calls with those it has.

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

    max_batch_size: int = 1
    max_batch_delay_ms: float = 0

    @abstractmethod
    def load(self, model_dir: str) -> Any:
        """Return the model.

        Args:
            model_dir: The folder with the model's files, ``/opt/ml/model`` in a container; do not write to it.
        """

    @abstractmethod
    def invoke(self, input_object: Any, model: Any) -> Any:
        """Return the prediction for one request; or yield it in pieces, where ``sample_output`` is a stream.

        Args:
            input_object: The request, decoded by the schema and changed by :meth:`preprocess`; a list of such where
                ``max_batch_size`` is more than 1.
            model: What :meth:`load` returned.
        """

    def preprocess(self, input_object: Any) -> Any:  # noqa: ARG002 - for subclasses
        """Return what :meth:`invoke` gets instead of ``input_object``; None leaves it as it is."""
        return None

    def postprocess(self, prediction: Any) -> Any:  # noqa: ARG002 - for subclasses
        """Return what the client gets instead of ``prediction``; None leaves it as it is."""
        return None

    def prepare(self, artifacts_dir: str | None) -> None:  # noqa: ARG002 - for subclasses
        """Get the model's files ready: ``build()`` calls this on your machine, before it packs anything.

        Args:
            artifacts_dir: The folder that ``artifacts=`` names, made if it is not there; None without ``artifacts=``.
        """
        return None  # noqa: RET501 - it does nothing, but need not be implemented either

    def get_model(self) -> str | None:
        """Return an id for the bundle's description, such as the model's name on a hub; None for none."""
        return None
