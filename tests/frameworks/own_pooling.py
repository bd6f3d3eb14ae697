"""A user's own part of a sentence-transformers model, whose source has to travel."""

import json
from pathlib import Path

from torch import nn


class Doubled(nn.Module):
    def __init__(self, factor=2.0):
        super().__init__()
        self.factor = factor

    def forward(self, features, **kwargs):
        features["sentence_embedding"] = features["sentence_embedding"] * self.factor
        return features

    def save(self, output_path, *args, **kwargs):
        (Path(output_path) / "config.json").write_text(json.dumps({"factor": self.factor}))

    @classmethod
    def load(cls, input_path, *args, **kwargs):
        found = Path(input_path)
        if len(list(found.glob("*_Doubled"))) == 1:
            found = next(found.glob("*_Doubled"))
        return cls(**json.loads((found / "config.json").read_text()))
