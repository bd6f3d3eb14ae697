"""Models for trials: small, and able to fail in the ways that are wanted."""

from __future__ import annotations

import os
import signal
import time

from cdk_modelbuilder import InferenceSpec


class Moody(InferenceSpec):
    """Answers with its input; some words have it fail."""

    max_batch_size = 4

    def load(self, model_dir):
        if os.environ.get("MOODY_START") == "memory":
            raise MemoryError("no room for the weights")
        if os.environ.get("MOODY_START") == "hog":
            return [bytearray(64 << 20) for _ in range(32)]
        if os.environ.get("MOODY_START") == "error":
            raise RuntimeError("the weights are not mine")
        return None

    def invoke(self, input_object, model):
        for word in input_object:
            if word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if word == "fail":
                raise RuntimeError("not today")
        return input_object


class Spelled(InferenceSpec):
    """Answers letter by letter."""

    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        yield from input_object


class Forgetful(InferenceSpec):
    """Keeps the input on itself while it computes: not to be called from several threads at a time."""

    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        self.now = input_object
        time.sleep(0.002)
        return self.now
