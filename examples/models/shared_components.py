# %% [markdown]
# # Several models on one endpoint: inference components
#
# Each model gets a part of the same instances, is updated by itself, and scales by itself.
#
#     pip install "cdk-modelbuilder[cdk,aws,sklearn]"

# %%
import numpy as np
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder

# %% [markdown]
# ## Two models
#
# One names the grower of a wine from its chemistry; the other tells how much alcohol it has from the rest.

# %%
wines, growers = load_wine(return_X_y=True)
alcohol, rest = wines[:, 0], wines[:, 1:]
models = {
    "grower": (make_pipeline(StandardScaler(), LogisticRegression()).fit(wines, growers), wines),
    "alcohol": (make_pipeline(StandardScaler(), Ridge()).fit(rest, alcohol), rest),
}

# %% [markdown]
# ## Build: one bundle for each

# %%
bundles = {
    name: ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder(rows[:5], model.predict(rows[:5]), keep_samples=True),
        name=name,
    ).build()
    for name, (model, rows) in models.items()
}

# %% [markdown]
# ## Try them here

# %%
for name, (model, rows) in models.items():
    with bundles[name].deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        bundles[name].golden_test(predictor)
        np.testing.assert_allclose(predictor.predict(rows), model.predict(rows))
        print(name, predictor.predict(rows[:3]))

# %% [markdown]
# ## Deploy them
#
# `bundle.deploy(resources=...)` makes an endpoint for one model. Models that share one are a stack of yours; this
# is its `app.py`:
#
# ```python
# import aws_cdk as cdk
#
# from cdk_modelbuilder.constructs import (
#     Container,
#     EndpointComponent,
#     Hosting,
#     ModelEndpoint,
#     ResourceRequirements,
#     SigningSecret,
# )
#
#
# class Wine(cdk.Stack):
#     def __init__(self, scope):
#         super().__init__(scope, "wine")
#         endpoint = ModelEndpoint(
#             self,
#             "Wine",
#             hosting=Hosting.inference_components(
#                 instance_type="ml.c6i.xlarge", min_instance_count=1, max_instance_count=3
#             ),
#             components=[
#                 EndpointComponent(
#                     name=name,
#                     container=Container.from_bundle(
#                         f"build/{name}", signing_secret=SigningSecret.from_name(self, f"{name}-key", name)
#                     ),
#                     resources=ResourceRequirements(requests={"num_cpus": 1, "memory": 1024, "copies": 1}),
#                 )
#                 for name in ("grower", "alcohol")
#             ],
#         )
#         cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)
#
#
# app = cdk.App()
# Wine(app)
# app.synth()
# ```
#
#     cdk-modelbuilder keys push build/grower
#     cdk-modelbuilder keys push build/alcohol
#     npx cdk deploy --app "python3 app.py"
#
# The same app runs here too, with both components behind SageMaker's API: `npx cdk synth --app "python3 app.py"`,
# then `cdk-modelbuilder run cdk.out`.
# Callers say which model they mean: `Predictor.from_bundle("build/grower", endpoint_name=...,
# inference_component_name=...)`.
