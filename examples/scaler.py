"""The first half of a pipeline: scikit-learn scales the features of the breast cancer data.

cdk-modelbuilder build examples/scaler.py
"""

from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from cdk_modelbuilder import ModelBuilder, SchemaBuilder

X, _ = load_breast_cancer(return_X_y=True)
model = StandardScaler().fit(X)
builder = ModelBuilder(
    model=model,
    schema_builder=SchemaBuilder(X[:5], model.transform(X[:5])),
    name="scaler",
)
