# %% [markdown]
# # Code of your own around a model: InferenceSpec
#
# Which language is this? What cleans the text before the model and words the answer after it runs in the container,
# as part of the bundle.
#
#     pip install "cdk-modelbuilder[cdk,aws]" numpy

# %%
from itertools import pairwise
from pathlib import Path

import numpy as np

from cdk_modelbuilder import InferenceSpec, Mode, ModelBuilder, SchemaBuilder

# %% [markdown]
# ## The model
#
# How often which pair of letters stands in a few sentences of each language. That is enough to tell them apart.

# %%
LETTERS = " abcdefghijklmnopqrstuvwxyz"
TEXTS = {
    "English": "the weather is fine and we are walking through the forest with our children because there is nothing "
    "that we would rather do on such a day than to be out and see what they have found",
    "German": "das wetter ist schoen und wir gehen mit unseren kindern durch den wald weil es nichts gibt was wir an "
    "einem solchen tag lieber machen als draussen zu sein und zu sehen was sie gefunden haben",
    "Spanish": "hace buen tiempo y caminamos por el bosque con nuestros hijos porque no hay nada que nos guste mas en "
    "un dia como este que estar fuera y ver lo que ellos han encontrado en el camino",
}


def pairs(text):
    """How often each pair of letters comes up, as a vector of length one."""
    counted = np.zeros((len(LETTERS), len(LETTERS)))
    for first, second in pairwise(text):
        counted[LETTERS.index(first), LETTERS.index(second)] += 1
    return counted.ravel() / max(np.linalg.norm(counted), 1.0)


# %% [markdown]
# ## Before, in and after the model
#
# `prepare` runs once, here, before anything is packed. The others run in the container: `load` once, the rest for
# each request.


# %%
class Language(InferenceSpec):
    def prepare(self, artifacts_dir):
        np.savez(Path(artifacts_dir, "languages.npz"), **{name: pairs(text) for name, text in TEXTS.items()})

    def load(self, model_dir):
        with np.load(Path(model_dir, "languages.npz")) as file:
            return {name: file[name] for name in file.files}

    def preprocess(self, input_object):
        text = "".join(letter if letter in LETTERS else " " for letter in input_object["text"].lower())
        return " ".join(text.split())

    def invoke(self, input_object, model):
        found = pairs(input_object)
        return {name: float(found @ vector) for name, vector in model.items()}

    def postprocess(self, prediction):
        best = max(prediction, key=prediction.get)
        if prediction[best] == 0:
            return {"language": "unknown", "likeness": 0.0}
        return {"language": best, "likeness": round(prediction[best], 3)}


# %% [markdown]
# ## Build

# %%
bundle = ModelBuilder(
    inference_spec=Language(),
    schema_builder=SchemaBuilder(
        {"text": "Where are the children?"}, {"language": "English", "likeness": 0.5}, keep_samples=True
    ),
    artifacts="language-files",
    name="language",
).build()
print((bundle.model_dir / "code" / "inference.py").read_text().splitlines()[0])

# %% [markdown]
# ## Try it here

# %%
with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
    bundle.golden_test(predictor)
    for text in ("Die Kinder sehen den Wald!", "¿Qué hay en el camino?", "They have found the forest.", "12345"):
        print(text, predictor.predict({"text": text}))
    assert predictor.predict({"text": "Wir sind im Wald"})["language"] == "German"

# %% [markdown]
# ## Deploy it
#
#     cdk-modelbuilder deploy build/language --instance-type ml.c6i.large

# %%
DEPLOY = False
if DEPLOY:
    predictor = bundle.deploy(initial_instance_count=1, instance_type="ml.c6i.large")
    print(predictor.predict({"text": "Guten Tag"}))
