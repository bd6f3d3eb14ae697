# %% [markdown]
# # LightGBM in an image of its own
#
# AWS has no image for LightGBM, so the bundle brings one: a plain Python, the pinned packages, and this project's
# server. Nothing is installed when it starts, and its entry point
# verifies the model before anything of it is imported. LightGBM gets this by default; with `model_server="builtin"`
# every framework does.
#
#     pip install "cdk-modelbuilder[cdk,aws]" lightgbm scikit-learn pandas

# %%
import numpy as np
from lightgbm import LGBMRegressor
from sklearn.datasets import load_diabetes

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder

# %% [markdown]
# ## Train and build

# %%
patients, progress = load_diabetes(return_X_y=True, as_frame=True)
model = LGBMRegressor(n_estimators=40, num_leaves=8, verbose=-1, random_state=0).fit(patients, progress)
bundle = ModelBuilder(
    model=model,
    schema_builder=SchemaBuilder(patients[:5], model.predict(patients[:5]), keep_samples=True),
    model_server="builtin",
    name="progress",
).build()

# %% [markdown]
# What the image is made of stands in `build/progress/image`, and is part of what a reviewer sees.

# %%
print((bundle.path / "image" / "Dockerfile").read_text())

# %% [markdown]
# ## Try it here
#
# `Mode.LOCAL_CONTAINER` builds and runs the image itself; it needs Docker or Podman.

# %%
with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
    bundle.golden_test(predictor)
    np.testing.assert_allclose(predictor.predict(patients), model.predict(patients))
    print(predictor.predict(patients[:3]))

# %% [markdown]
# ## Deploy it
#
# The CDK builds the image and pushes it, so Docker has to run where this does.
# `ModelBuilder(instance_type="ml.c7g.large")` makes one for Graviton.
#
#     cdk-modelbuilder deploy build/progress --instance-type ml.c6i.large

# %%
DEPLOY = False
if DEPLOY:
    predictor = bundle.deploy(initial_instance_count=1, instance_type="ml.c6i.large")
    print(predictor.predict(patients[:3]))
