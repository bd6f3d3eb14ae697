"""A container of the user's that holds its model: nothing is known of it but SageMaker's contract."""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.servers.base import Layout
from cdk_modelbuilder.servers.native import NativeServer


class OwnImage(NativeServer):
    """It has no name that could be asked for: it is what is left where an image stands alone."""

    name: str = "own"
    title: str = "the image's own server"

    def environment(self, layout: Layout) -> Mapping[str, str]:  # noqa: ARG002
        return {}
