"""What a tuning wrote into a bundle outlives the next build: the model changes more often than what serves it."""

from __future__ import annotations

import shutil
from pathlib import Path

from cdk_modelbuilder.bundle import TUNING_FILE, TUNING_FOLDER
from cdk_modelbuilder.staging import place_file


def keep_tuning(before: Path, staging: Path) -> None:
    """Take the tuning of the bundle at ``before``, if it has one, over into the one that takes its place."""
    if not (before / TUNING_FILE).is_file():
        return
    place_file(before / TUNING_FILE, staging / TUNING_FILE)
    if (before / TUNING_FOLDER).is_dir():
        shutil.copytree(before / TUNING_FOLDER, staging / TUNING_FOLDER)
