# %% [markdown]
# # Large requests that take their time: an asynchronous endpoint
#
# Requests wait in a queue, and bodies and answers, of up to 1 GB, lie in S3. Here: which segment each of a few
# hundred thousand customers belongs to, in one request.
#
#     pip install "cdk-modelbuilder[cdk,aws,sklearn]"

# %%
import io
import time
from pathlib import Path

import boto3
import numpy as np
from sklearn.cluster import KMeans

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.local.gateway import FolderObjects, LocalGateway, host_bundles

# %% [markdown]
# ## Train and build

# %%
random = np.random.default_rng(0)
centres = random.normal(0, 5, (6, 8))
customers = centres[random.integers(0, 6, 300_000)] + random.normal(0, 1, (300_000, 8))
model = KMeans(n_clusters=6, n_init=3, random_state=0).fit(customers[:5000])
bundle = ModelBuilder(
    model=model,
    schema_builder=SchemaBuilder(customers[:5], model.predict(customers[:5]), keep_samples=True),
    name="segments",
).build()

# %% [markdown]
# ## Try it here: the model

# %%
with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
    bundle.golden_test(predictor)

# %% [markdown]
# ## Try it here: the queue
#
# The local gateway has SageMaker's InvokeEndpointAsync too. Objects in S3 are files below a folder. A request of 19
# MB goes in; the caller does not wait, and finds the answer where it was told that it will be.

# %%
objects = Path("objects")
request = objects / "my-bucket" / "requests" / "customers.npy"
request.parent.mkdir(parents=True, exist_ok=True)
np.save(request, customers)
print(f"{request.stat().st_size / 1e6:.1f} MB")

with LocalGateway(host_bundles([bundle], asynchronous=True), objects=FolderObjects(objects)) as gateway:
    session = boto3.Session("any", "credentials", region_name="eu-west-1")
    runtime = session.client("sagemaker-runtime", endpoint_url=gateway.url)
    accepted = runtime.invoke_endpoint_async(
        EndpointName="segments",
        InputLocation="s3://my-bucket/requests/customers.npy",
        ContentType="application/x-npy",
        Accept="application/x-npy",
    )
    answer = objects / accepted["OutputLocation"].removeprefix("s3://")
    failure = objects / accepted["FailureLocation"].removeprefix("s3://")
    while not answer.exists() and not failure.exists():
        time.sleep(0.05)
    runtime.close()
assert not failure.exists(), failure.read_text()
segments = np.load(io.BytesIO(answer.read_bytes()))
print(np.bincount(segments), "customers in each segment")
np.testing.assert_array_equal(segments, model.predict(customers))

# %% [markdown]
# ## Deploy it
#
# The stack makes a bucket; `asynchronous={"input_s3_uri": ..., "output_s3_uri": ...}` names places of yours.
# [The app](../asynchronous/app.py) shows the rest: no instances while nothing waits, a topic that hears of failures.
#
#     cdk-modelbuilder init service --bundle build/segments --hosting async

# %%
DEPLOY = False
if DEPLOY:
    predictor = bundle.deploy(hosting="async", instance_type="ml.c6i.xlarge")
    pending = predictor.predict_async(customers)  # returns at once
    print(pending.output_location)
    print(pending.result(timeout=900))
