# %% [markdown]
# # Who is about to leave? XGBoost on a table with categories
#
# A DataFrame goes in as it is: categories, missing values and column names travel with the request and are checked
# on arrival.
#
#     pip install "cdk-modelbuilder[cdk,aws,xgboost,sklearn]"

# %%
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

from cdk_modelbuilder import Mode, ModelBuilder, ModelBuilderError, SchemaBuilder

# %% [markdown]
# ## The data
#
# Two thousand made-up customers. Monthly contracts and support calls make people leave, years with the company make
# them stay.

# %%
random = np.random.default_rng(0)
count = 2000
customers = pd.DataFrame(
    {
        "plan": pd.Categorical(random.choice(["basic", "family", "business"], count)),
        "contract": pd.Categorical(random.choice(["monthly", "yearly"], count)),
        "months": random.integers(1, 72, count),
        "support_calls": random.poisson(1.5, count),
        "monthly_bill": random.normal(55, 15, count).round(2),
    }
)
customers.loc[random.random(count) < 0.05, "monthly_bill"] = np.nan
pull = 1.5 * (customers["contract"] == "monthly") + 0.6 * customers["support_calls"] - 0.05 * customers["months"] - 1
leaves = (random.random(count) < 1 / (1 + np.exp(-pull))).astype(int)
known, new, known_leaves, new_leaves = train_test_split(customers, leaves, random_state=0)

# %% [markdown]
# ## Train and build
#
# `predict_method` picks probabilities. `keep_samples=True` keeps the sample as a golden test; use rows that nobody
# minds seeing in a repository.

# %%
model = XGBClassifier(n_estimators=60, max_depth=3, enable_categorical=True, random_state=0).fit(known, known_leaves)
print("area under the curve:", round(roc_auc_score(new_leaves, model.predict_proba(new)[:, 1]), 3))

bundle = ModelBuilder(
    model=model,
    schema_builder=SchemaBuilder(known[:5], model.predict_proba(known[:5]), keep_samples=True),
    predict_method="predict_proba",
    name="churn",
).build()
print(bundle.path, bundle.container.image.uri or bundle.container.image.repository)

# %% [markdown]
# ## Try it here
#
# A real server in a process of its own. It answers as the model does, and says what is wrong with a request that
# does not fit.

# %%
with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
    bundle.golden_test(predictor)
    np.testing.assert_allclose(predictor.predict(new), model.predict_proba(new), rtol=1e-6)
    try:
        predictor.predict(new[:1].assign(plan="platinum"))
    except ModelBuilderError as error:
        print(error)

# %% [markdown]
# ## Deploy it
#
# With `DEPLOY = True`, or `cdk-modelbuilder deploy build/churn --instance-type ml.c6i.large`. For a team, let the
# app live in a repository:
#
#     cdk-modelbuilder init service --bundle build/churn --ci github

# %%
DEPLOY = False
if DEPLOY:
    predictor = bundle.deploy(initial_instance_count=2, instance_type="ml.c6i.large", verify_on_deploy=True)
    print(predictor.predict(new[:3]))
