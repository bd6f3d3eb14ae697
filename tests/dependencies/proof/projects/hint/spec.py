"""httpx requires h2 under an extra only, and says which one is missing when HTTP/2 is asked for."""

import httpx

from cdk_modelbuilder import InferenceSpec


class Client(InferenceSpec):
    def load(self, model_dir):
        return httpx.Client(http2=True)

    def invoke(self, input_object, model):
        return {"method": model.build_request(input_object["method"], "https://example.com").method}
