"""This project's own server, in an image that the stack builds from the bundle.

The image is a plain Python of the version that built the bundle, with every package inside, and its entry point
verifies the model's folder before it imports anything of it. So nothing is installed at a start, no framework's image
has to exist, and who can write to the bucket cannot replace what verifies.
"""

from __future__ import annotations

from cdk_modelbuilder.servers.base import ModelServer, PythonServer, Verified


class BuiltinServer(PythonServer):
    """Runs models of every framework."""

    name: str = ModelServer.BUILTIN
    title: str = "the project's own server"
    requirements_file = None
    own_image = True
    verified = Verified.BY_ENTRY_POINT
