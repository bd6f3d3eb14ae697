"""This project's own server, in an image that the stack builds from the bundle.

The image is a plain Python of the version that built the bundle, with every package inside, and its entry point
verifies the model's folder before it imports anything of it. So nothing is installed at a start, no framework's image
has to exist, and who can write to the bucket cannot replace what verifies.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.servers.base import INVOCATION_SECONDS, Layout, ModelServer, PythonServer, Verified


class BuiltinServer(PythonServer):
    """Runs models of every framework."""

    name: str = ModelServer.BUILTIN
    title: str = "the project's own server"
    requirements_file = None
    own_image = True
    verified = Verified.BY_ENTRY_POINT

    def environment(self, layout: Layout) -> Mapping[str, str]:
        """Where they differ from the server's own, the limits of serving/__main__.py."""
        found = {}
        if layout.max_payload_bytes != self.max_payload_bytes:
            found["MODELBUILDER_MAX_PAYLOAD_BYTES"] = str(layout.max_payload_bytes)
        if layout.invocation_seconds != INVOCATION_SECONDS:
            found["MODELBUILDER_STUCK_AFTER"] = str(2 * layout.invocation_seconds)
        return found
