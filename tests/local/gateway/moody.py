"""A model that does as the request says, so that everything that may happen to an endpoint can be asked for."""

from __future__ import annotations

import os
import time

from cdk_modelbuilder import InferenceSpec


class Moody(InferenceSpec):
    """Takes ``{"do": WHAT, "value": NUMBERS, "seconds": N}``; answers a JSON object with its process id."""

    def load(self, model_dir):
        return {"pid": os.getpid(), "here": os.environ.get("WHERE", "")}

    def invoke(self, input_object, model):
        what = input_object["do"]
        if what == "sleep":
            time.sleep(input_object["seconds"])
        if what == "raise":
            raise RuntimeError("secret detail")
        if what == "refuse":
            raise ValueError("such a value is not taken")
        if what == "exit":
            os._exit(9)
        return {**model, "echo": input_object["value"]}


class Speller(InferenceSpec):
    """Streams what it is given, letter by letter."""

    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        for letter in input_object:
            if letter == "!":
                raise RuntimeError("no more")
            if letter == "~":
                time.sleep(600)
            if letter == "#":
                os._exit(9)
            time.sleep(0.01)
            yield letter
