"""Makes the tables of the image catalogue from public sources.

    sagemaker-core   image_uri_config/*.json ─▶ rows: version, repository, tag, registry     ─┐
    aws/deep-learning-containers   docs, recipes, lock files ─▶ what is inside, end of patch  ├─▶ tables, regions, index
    facts.toml   what neither states, each entry with where it was read                      ─┤
    botocore   partitions.json ─▶ DNS suffixes                                               ─┘

The same sources give the same bytes. Nothing here asks a network.
"""

from __future__ import annotations

from cdk_modelbuilder.images.making.refreshing import Refresh, refresh
from cdk_modelbuilder.images.making.sources import SourceError

__all__ = ["Refresh", "SourceError", "refresh"]
