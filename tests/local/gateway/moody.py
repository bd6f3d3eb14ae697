"""A model that does as the request says, so that everything that may happen to an endpoint can be asked for."""

from __future__ import annotations

import os
import time

from cdk_modelbuilder import InferenceSpec

REQUEST = {"do": "echo", "value": [1.5, 2.5], "seconds": 0.5}
ANSWER = {**REQUEST, "pid": 1, "here": ""}


class Moody(InferenceSpec):
    """Takes ``{"do": WHAT, "value": NUMBERS, "seconds": N}``; answers the same with its process id."""

    def load(self, model_dir):
        return {"pid": os.getpid(), "here": os.environ.get("WHERE", "")}

    def invoke(self, input_object, model):
        what, value = input_object["do"], input_object["value"]
        if what == "sleep":
            time.sleep(input_object["seconds"])
        if what == "raise":
            raise RuntimeError("secret detail")
        if what == "exit":
            os._exit(9)
        if what == "add":
            value = [number + 1 for number in value]
        return {**input_object, "value": value, **model}


class Speller(InferenceSpec):
    """Streams what it is given, letter by letter."""

    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        for letter in input_object:
            if letter == "!":
                raise RuntimeError("no more")
            if letter == "#":
                os._exit(9)
            time.sleep(0.01)
            yield letter
