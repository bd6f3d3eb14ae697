"""What servers have in common that read a model's files themselves and run no code of the bundle."""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.servers.base import Layout, PythonServer, ServerAdapter, Verified


class NativeServer(PythonServer):
    """An adapter derives from it and says how the server is told where the model is."""

    template: str | None = None
    requirements_file: str | None = None
    verified = Verified.BY_NOTHING

    def for_files(self) -> ServerAdapter | None:
        return self

    def model_environment(self, model: str, revision: str | None) -> Mapping[str, str]:
        """Variables that say what to serve.

        Args:
            model: A path in the container, or a hub's id.
            revision: The hub's revision.
        """
        raise NotImplementedError

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return self.model_environment(layout.model, layout.revision)
