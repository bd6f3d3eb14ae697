"""LitServe: ``python litserve_app.py PORT [MODEL]``."""

import sys

import joblib
import litserve
import numpy as np


class Api(litserve.LitAPI):
    def setup(self, device):  # noqa: ARG002
        self.model = joblib.load(sys.argv[2]) if len(sys.argv) > 2 else None

    def decode_request(self, request):
        return np.asarray(request)

    def predict(self, x):
        return [[1.0, 2.0, 3.0]] if self.model is None else self.model.predict(x)

    def encode_response(self, output):
        return {"predictions": np.asarray(output).tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Api(api_path="/invocations"), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error")
