# %% [markdown]
# # Handwritten digits with PyTorch
#
# A small convolutional network of your own class. Its weights travel as safetensors and its class as source: no
# pickle of your code.
#
#     pip install "cdk-modelbuilder[cdk,aws]" torch scikit-learn

# %%
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder

# %% [markdown]
# ## Train
#
# 1797 pictures of 8 x 8 pixels that scikit-learn brings.

# %%
digits = load_digits()
pictures = (digits.images[:, None] / 16).astype(np.float32)
train, test = slice(0, 1400), slice(1400, None)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.decide = nn.Linear(16 * 4 * 4, 10)

    def forward(self, x):
        return self.decide(self.look(x))


torch.manual_seed(0)
model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
x, y = torch.from_numpy(pictures[train]), torch.from_numpy(digits.target[train])
for _ in range(40):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
model.eval()


def scores(images):
    with torch.no_grad():
        return model(torch.from_numpy(images)).numpy()


print("right:", f"{(scores(pictures[test]).argmax(1) == digits.target[test]).mean():.1%}")

# %% [markdown]
# ## Build
#
# Arrays in, arrays out, because the samples are arrays. A build of PyTorch for CPUs alone calls itself
# `2.13.0+cpu`, a name that no package index knows; the
# custom line asks for the public version of it. `instance_type="ml.g5.xlarge"` would choose an image for its GPU.

# %%
public = torch.__version__.partition("+")[0]
bundle = ModelBuilder(
    model=model,
    schema_builder=SchemaBuilder(pictures[:4], scores(pictures[:4]), keep_samples=True),
    dependencies={"custom": [f"torch=={public}"]},
    name="digits",
).build()
print(bundle.path, "runs on", bundle.container.model_server)

# %% [markdown]
# ## Try it here

# %%
with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
    bundle.golden_test(predictor)
    answers = predictor.predict(pictures[test])
    np.testing.assert_allclose(answers, scores(pictures[test]), rtol=1e-4, atol=1e-4)
    print("the first ten:", answers[:10].argmax(1), "they are:", digits.target[test][:10])

# %% [markdown]
# ## Deploy it
#
# Without `instance_type=` one is proposed from the bundle, with the reason.
#
#     cdk-modelbuilder deploy build/digits --dry-run

# %%
DEPLOY = False
if DEPLOY:
    predictor = bundle.deploy(initial_instance_count=1, instance_type="ml.c6i.xlarge")
    print(predictor.predict(pictures[:1]).argmax())
