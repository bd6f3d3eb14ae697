# %% [markdown]
# # Your own container
#
# An image that your team maintains, with one of the known servers in it: the bundle brings the model, the code and
# the files that this server reads.
#
#     pip install "cdk-modelbuilder[cdk,aws,xgboost,sklearn]"

# %%
import numpy as np
from sklearn.datasets import load_breast_cancer
from xgboost import XGBClassifier

from cdk_modelbuilder import Mode, ModelBuilder, ModelServer, SchemaBuilder

# %% [markdown]
# ## Train and build
#
# `model_server` says what runs inside, because the layout of the files depends on it. The image needs that server,
# Python, and the packages of `requirements.lock`, or a way to a package index.

# %%
X, y = load_breast_cancer(return_X_y=True)
model = XGBClassifier(n_estimators=30, max_depth=3, random_state=0).fit(X, y)
bundle = ModelBuilder(
    model=model,
    schema_builder=SchemaBuilder(X[:5], model.predict(X[:5]), keep_samples=True),
    image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/torchserve:2026.11",
    model_server=ModelServer.TORCHSERVE,
    env_vars={"TS_DEFAULT_WORKERS_PER_MODEL": "2"},
    name="own-container",
).build()
print(bundle.container.image.uri)
for variable, value in sorted(bundle.container.environment.items()):
    print(f"{variable}={value}")

# %% [markdown]
# ## Try it here
#
# A process runs the same code without the image; `strict=True` adds the quirks of its server.
# `Mode.LOCAL_CONTAINER` runs the image.

# %%
with bundle.deploy(mode=Mode.LOCAL_PROCESS, strict=True) as predictor:
    bundle.golden_test(predictor)
    np.testing.assert_array_equal(predictor.predict(X), model.predict(X))

# %% [markdown]
# ## Deploy it
#
# Two other ways: `base_image=` with `model_server="builtin"` puts this project's server on top of an image of
# yours; `image_uri=` alone is an image that holds its model.
#
#     cdk-modelbuilder deploy build/own-container --instance-type ml.c6i.large

# %%
DEPLOY = False
if DEPLOY:
    predictor = bundle.deploy(initial_instance_count=1, instance_type="ml.c6i.large")
    print(predictor.predict(X[:3]))
