"""A spec that needs a package from a wheel, and one that was installed from a folder."""

from __future__ import annotations

import tiny_words
import unpublished

from cdk_modelbuilder import InferenceSpec


class WordCounter(InferenceSpec):
    def load(self, model_dir):
        return {"origin": tiny_words.__file__, "version": unpublished.__version__}

    def invoke(self, input_object, model):
        return {"count": tiny_words.count(input_object["text"]), **model}
