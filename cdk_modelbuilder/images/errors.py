"""What can go wrong between a model and its image."""

from __future__ import annotations

from cdk_modelbuilder.errors import ImageError


class UnknownFramework(ImageError):  # noqa: N818 - reads as the sentence it is: raise UnknownFramework(...)
    """The catalogue has no table for a framework."""


class UnknownRegion(ImageError):  # noqa: N818
    """A region that does not exist, or in which AWS does not offer the image."""


class NoMatchingImage(ImageError):  # noqa: N818
    """No image of the framework can run the model."""
