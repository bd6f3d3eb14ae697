"""XGBoost on a real data set that ships with scikit-learn: is a tumour benign?

cdk-modelbuilder build examples/tumour.py
cdk-modelbuilder run build/tumour
"""

import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from cdk_modelbuilder import ModelBuilder, SchemaBuilder

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


def trained(trees: int) -> xgboost.XGBClassifier:
    """A classifier of so many trees."""
    return xgboost.XGBClassifier(n_estimators=trees, max_depth=3, random_state=0).fit(X_train, y_train)


model = trained(trees=100)
# The sample is public data, so the bundle may keep it as its golden test.
schema = SchemaBuilder(X_train[:5], y_train[:5], keep_samples=True)
builder = ModelBuilder(model=model, schema_builder=schema, name="tumour")

if __name__ == "__main__":
    print(builder.build().path)
