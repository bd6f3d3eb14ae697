# %% [markdown]
# # Coming from the SageMaker SDK: change the import
#
# Code for the SDK's ModelBuilder keeps its words. Before:
#
#     from sagemaker.serve import InferenceSpec, ModelBuilder, SchemaBuilder
#     from sagemaker.serve.mode.function_pointers import Mode
#     from sagemaker.compute_resource_requirements.resource_requirements import ResourceRequirements
#     from sagemaker.enums import EndpointType
#
# After:

# %%
import xgboost as xgb
from sklearn.datasets import load_iris

from cdk_modelbuilder import EndpointType, Mode, ModelBuilder, ModelBuilderError, ResourceRequirements, SchemaBuilder

# %% [markdown]
# ## From here on it is the code for the SDK

# %%
X, y = load_iris(return_X_y=True)
clf = xgb.XGBClassifier(n_estimators=5).fit(X, y)
model_builder = ModelBuilder(
    model=clf,
    schema_builder=SchemaBuilder(sample_input=X[:5], sample_output=clf.predict(X[:5])),
    mode=Mode.IN_PROCESS,
)
model = model_builder.build()
predictor = model.deploy()
answer = predictor.predict(X[:3])
predictor.delete_endpoint()
print(answer)

# %% [markdown]
# ## What has changed beneath
#
# `build()` made files and asked AWS nothing: no session, no role, no bucket. They are signed, and the same inputs
# give the same bytes.
# Parameters that are not here say what replaces them:

# %%
try:
    ModelBuilder(model=clf, schema_builder=SchemaBuilder(X[:5], y[:5]), source_code="code")
except ModelBuilderError as error:
    print(error)

# %% [markdown]
# ## Deploy it
#
# The same call as before. It writes a CDK app to `.cdk-modelbuilder/`, which a team can take over, and deploys that.

# %%
DEPLOY = False
if DEPLOY:
    predictor = model.deploy(
        mode=Mode.SAGEMAKER_ENDPOINT,
        initial_instance_count=1,
        instance_type="ml.c6i.xlarge",
        endpoint_type=EndpointType.INFERENCE_COMPONENT_BASED,
        resources=ResourceRequirements(requests={"num_cpus": 1, "memory": 1024, "copies": 1}, limits={}),
    )
