"""Where a bundle runs."""

from __future__ import annotations

from enum import Enum


class Mode(Enum):
    """Moving between a local test and an endpoint is this one argument."""

    LOCAL_PROCESS = 1
    """A plain process on this machine, from the same container spec."""
    IN_PROCESS = LOCAL_PROCESS
    """The SageMaker SDK's name for it."""
    LOCAL_CONTAINER = 2
    """A Docker container on this machine."""
    SAGEMAKER_ENDPOINT = 3
    """A SageMaker endpoint."""
