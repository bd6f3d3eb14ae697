# %% [markdown]
# # A scikit-learn pipeline on a DataFrame
#
# Preparing columns, a class of your own, and the model are one object, and are deployed as one: on a serverless
# endpoint, which costs nothing between requests.
#
#     pip install "cdk-modelbuilder[cdk,aws,sklearn]" pandas

# %%
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder

# %% [markdown]
# ## The data
#
# 442 patients, ten measurements, and how the disease had progressed a year later.

# %%
patients, progress = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
patients["sex"] = patients["sex"].map({1.0: "female", 2.0: "male"})
measured = [name for name in patients.columns if name != "sex"]


# %% [markdown]
# ## A step of your own
#
# A class of this script or notebook is shipped as source, with the imports that it uses.


# %%
class Clipped(TransformerMixin, BaseEstimator):
    def __init__(self, share=0.01):
        self.share = share

    def fit(self, X, y=None):
        self.low_, self.high_ = np.quantile(X, [self.share, 1 - self.share], axis=0)
        return self

    def transform(self, X):
        return np.clip(X, self.low_, self.high_)


columns = make_column_transformer(
    (make_pipeline(Clipped(), StandardScaler()), measured), (OneHotEncoder(drop="first"), ["sex"])
)
model = make_pipeline(columns, Ridge()).fit(patients[:350], progress[:350])
print("explained variance:", round(model.score(patients[350:], progress[350:]), 2))

# %% [markdown]
# ## Build

# %%
bundle = ModelBuilder(
    model=model,
    schema_builder=SchemaBuilder(patients[:5], model.predict(patients[:5]), keep_samples=True),
    name="diabetes",
).build()
print((bundle.path / "requirements.lock").read_text())

# %% [markdown]
# ## Try it here
#
# Other order of columns, whole numbers: both are mended on arrival.

# %%
patient = pd.DataFrame([{"sex": "male", **dict.fromkeys(measured, 90)}])
with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
    bundle.golden_test(predictor)
    np.testing.assert_allclose(predictor.predict(patients), model.predict(patients))
    print(predictor.predict(patient), model.predict(patient))

# %% [markdown]
# ## Deploy it
#
#     cdk-modelbuilder init service --bundle build/diabetes --hosting serverless

# %%
DEPLOY = False
if DEPLOY:
    predictor = bundle.deploy(serverless={"memory_mib": 2048, "max_concurrency": 10})
    print(predictor.predict(patients[:2]))
