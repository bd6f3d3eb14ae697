"""XGBoost imports pandas and much else where it is there, and needs none of it; a DataFrame needs pandas."""

import sys

import numpy as np
import pandas as pd
import xgboost

from cdk_modelbuilder import ModelBuilder, SchemaBuilder

X = np.arange(24.0).reshape(8, 3)
y = np.array([0, 0, 0, 1, 0, 1, 1, 1])
sample = pd.DataFrame(X, columns=["a", "b", "c"]) if sys.argv[2] == "frame" else X
model = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(sample, y)
ModelBuilder(
    model=model,
    schema_builder=SchemaBuilder(sample[:2], model.predict(sample[:2]), keep_samples=True),
    name="proof",
    model_path=sys.argv[1],
    # The same package without 300 MB for graphics cards.
    dependencies={"custom": ["xgboost-cpu==3.2.0"]} if sys.argv[2:] != ["array", "plain"] else None,
).build()
