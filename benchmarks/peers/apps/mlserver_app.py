"""MLServer: a runtime with a handler of its own for ``/invocations``."""

import json
import os

import joblib
import numpy as np
from fastapi import Request, Response
from mlserver import MLModel
from mlserver.handlers import custom_handler


class Runtime(MLModel):
    async def load(self) -> bool:
        path = os.environ.get("MODEL")
        self.model = joblib.load(path) if path else None
        return True

    @custom_handler(rest_path="/invocations")
    async def invocations(self, request: Request) -> Response:
        x = np.asarray(json.loads(await request.body()))
        found = [[1.0, 2.0, 3.0]] if self.model is None else self.model.predict(x).tolist()
        return Response(json.dumps(found), media_type="application/json")
