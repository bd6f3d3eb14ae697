"""Small models that the console's tests talk to."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from cdk_modelbuilder import InferenceSpec


class RowSums(InferenceSpec):
    """Adds up the numbers of each row, and says so in the log."""

    def load(self, model_dir):
        return "sums"

    def invoke(self, input_object, model):
        print(f"adds up {len(input_object)} rows")  # noqa: T201 - a line of the log
        return np.asarray(input_object).sum(axis=1)


class Negative(InferenceSpec):
    """The negative of a picture."""

    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        return ImageOps.invert(input_object)


class Letters(InferenceSpec):
    """Streams the letters of a word."""

    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        yield from input_object


PICTURE = Image.new("RGB", (3, 2), (255, 250, 240))
