# %% [markdown]
# # Images in a format of your own: translators
#
# Images need none: a sample that is a PIL image is sent as PNG. A translator is for what your clients send already,
# here scans as WebP, and for an answer as one line of text.
#
#     pip install "cdk-modelbuilder[cdk,aws,sklearn]" pillow

# %%
import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from cdk_modelbuilder import CustomPayloadTranslator, InferenceSpec, Mode, ModelBuilder, SchemaBuilder

# %% [markdown]
# ## Both translators
#
# Each is a pair: what the client does with a value, and what the container does with the bytes. Their source
# travels with the bundle.


# %%
class Scan(CustomPayloadTranslator):
    def serialize_payload_to_bytes(self, payload):
        file = io.BytesIO()
        payload.save(file, "WEBP", lossless=True)
        return file.getvalue()

    def deserialize_payload_from_stream(self, stream):
        return Image.open(io.BytesIO(stream.read())).convert("L")


class Line(CustomPayloadTranslator):
    def serialize_payload_to_bytes(self, payload):
        return "{digit};{sure:.3f}".format(**payload).encode()

    def deserialize_payload_from_stream(self, stream):
        digit, sure = stream.read().decode().split(";")
        return {"digit": int(digit), "sure": float(sure)}


# %% [markdown]
# ## The model
#
# Scans of any size are made as small as the pictures that it learnt from.

# %%
digits = load_digits()
svc = SVC(gamma=0.001).fit(digits.data[:1500], digits.target[:1500])


class Reader(InferenceSpec):
    def __init__(self, svc):
        self.svc = svc

    def load(self, model_dir):
        return self.svc

    def preprocess(self, input_object):
        small = input_object.resize((8, 8), Image.Resampling.BOX)
        return np.asarray(small, dtype=float).reshape(1, 64) * 16 / 255

    def invoke(self, input_object, model):
        scores = np.sort(model.decision_function(input_object)[0])
        return {"digit": int(model.predict(input_object)[0]), "sure": float(scores[-1] - scores[-2])}


def scan_of(place):
    pixels = (digits.images[place] * 255 / 16).astype(np.uint8)
    return Image.fromarray(pixels).resize((64, 64), Image.Resampling.NEAREST)


# %% [markdown]
# ## Build

# %%
bundle = ModelBuilder(
    inference_spec=Reader(svc),
    schema_builder=SchemaBuilder(
        sample_input=scan_of(0),
        sample_output={"digit": 0, "sure": 1.0},
        input_translator=Scan(content_type="image/webp", accept_type="image/webp"),
        output_translator=Line(content_type="text/x-digit", accept_type="text/x-digit"),
        keep_samples=True,
    ),
    name="scans",
).build()

# %% [markdown]
# ## Try it here
#
# Any client that sends such bytes is served, not ours alone.

# %%
with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
    bundle.golden_test(predictor)
    read = [predictor.predict(scan_of(place))["digit"] for place in range(1500, 1520)]
    print("read:   ", read)
    print("written:", digits.target[1500:1520].tolist())
    body = Scan().serialize_payload_to_bytes(scan_of(7))
    print(predictor.invoke(body, content_type="image/webp", accept="text/x-digit"))

# %% [markdown]
# ## Deploy it
#
#     cdk-modelbuilder deploy build/scans --instance-type ml.c6i.large

# %%
DEPLOY = False
if DEPLOY:
    predictor = bundle.deploy(initial_instance_count=1, instance_type="ml.c6i.large")
    print(predictor.predict(scan_of(1700)))
