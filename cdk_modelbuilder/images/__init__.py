"""The image catalogue: framework, server, version and processor in; the URI of AWS's own container image out.

    index.json ──────────────┐
    tables/<server>.json ────┼─▶ images_of_server() ─▶ choose_image() ─▶ ImageChoice(image, notes) ─▶ image.uri(region)
    regions.json ────────────┘        processor_of(instance_type) ─▲

The tables are made by :mod:`~cdk_modelbuilder.images.making` and read when first needed, one server at a time. Nothing
here asks a network.
"""

from __future__ import annotations

from cdk_modelbuilder.images.catalogue import (
    ContainerImage,
    frameworks,
    images_for,
    images_of_server,
    servers,
    table_date,
)
from cdk_modelbuilder.images.choice import ImageChoice, choose_image
from cdk_modelbuilder.images.errors import NoMatchingImage, UnknownFramework, UnknownRegion
from cdk_modelbuilder.images.processors import processor_of
from cdk_modelbuilder.images.read_by import ReadBy
from cdk_modelbuilder.images.regions import dns_suffix, known_regions

__all__ = [
    "ContainerImage",
    "ImageChoice",
    "NoMatchingImage",
    "ReadBy",
    "UnknownFramework",
    "UnknownRegion",
    "choose_image",
    "dns_suffix",
    "frameworks",
    "images_for",
    "images_of_server",
    "known_regions",
    "processor_of",
    "servers",
    "table_date",
]
