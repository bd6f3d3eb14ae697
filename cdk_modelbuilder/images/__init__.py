"""The image catalogue: framework, version, Python and region in; the URI of AWS's own container image out.

    tables/<framework>.json ─┐
                             ├─▶ images_for() ─▶ choose_image() ─▶ ImageChoice(image, notes) ─▶ image.uri(region)
    regions.json ────────────┘

The tables are made by ``scripts/make_image_tables.py`` and read when first needed. A further framework is one more file
under ``tables/``. Nothing here asks a network.
"""

from __future__ import annotations

from cdk_modelbuilder.images.catalogue import ContainerImage, frameworks, images_for, images_of_server
from cdk_modelbuilder.images.choice import ImageChoice, choose_image
from cdk_modelbuilder.images.errors import NoMatchingImage, UnknownFramework, UnknownRegion
from cdk_modelbuilder.images.read_by import ReadBy
from cdk_modelbuilder.images.regions import dns_suffix

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
]
