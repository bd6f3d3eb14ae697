"""One package that is here, one that is not, and the code goes on without either."""

import importlib.util

import more_itertools
import tqdm

from cdk_modelbuilder import InferenceSpec

try:
    import ujson as json
except ImportError:
    import json

try:
    import no_such_accelerator
except ImportError:
    no_such_accelerator = None

HAS_ROCKET = importlib.util.find_spec("simplejson") is not None


class Optional(InferenceSpec):
    def load(self, model_dir):
        return no_such_accelerator

    def invoke(self, input_object, model):
        bar = tqdm.tqdm(more_itertools.chunked(input_object["items"], 2), disable=True)
        return {"text": json.dumps([sum(chunk) for chunk in bar])}
