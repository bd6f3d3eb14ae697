"""Modules whose distributions have other names."""

import attr
import attrs
import cv2
import numpy as np
import yaml
from bs4 import BeautifulSoup
from dateutil import parser
from PIL import Image
from sklearn.preprocessing import normalize

from cdk_modelbuilder import InferenceSpec


@attrs.define
class Settings:
    size: int = attr.field(default=2)


class Names(InferenceSpec):
    def load(self, model_dir):
        return yaml.safe_load("{factor: 2}")

    def invoke(self, input_object, model):
        size = Settings().size
        text = BeautifulSoup(input_object["page"], "html.parser").get_text()
        image = np.asarray(Image.new("L", (size, size), 255))
        small = cv2.resize(image, (1, 1))
        year = parser.parse(input_object["day"]).year
        return {"text": text, "year": year * model["factor"], "value": float(normalize(small.astype(float))[0, 0])}
