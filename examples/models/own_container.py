# %% [markdown]
# # Your own container
#
# An image that your team maintains, with one of the known servers in it: the bundle brings the model, the code and the
# files that this server reads.
#
#     pip install "cdk-modelbuilder[cdk,aws]" numpy

# %%
import numpy as np

from cdk_modelbuilder import InferenceSpec, Mode, ModelBuilder, ModelServer, SchemaBuilder

# %% [markdown]
# ## The model
#
# How many bicycles will be hired in the next days? A level and a trend, smoothed; the two factors are fitted to a year
# of made-up days.

# %%
random = np.random.default_rng(0)
days = np.arange(365)
hired = 200 + 0.5 * days + 10 * np.sin(days / 20) + random.normal(0, 5, 365)


def forecast(series, factors, steps):
    """The next values, from level and trend at the end of the series."""
    level, trend = series[0], series[1] - series[0]
    for value in series[1:]:
        before = level
        level = factors[0] * value + (1 - factors[0]) * (level + trend)
        trend = factors[1] * (level - before) + (1 - factors[1]) * trend
    return level + trend * np.arange(1, steps + 1)


def error(factors):
    return np.mean([abs(forecast(hired[:day], factors, 7) - hired[day : day + 7]).mean() for day in range(60, 350, 10)])


best = min(((level, trend) for level in (0.1, 0.3, 0.5, 0.7) for trend in (0.02, 0.1, 0.3)), key=error)
print("factors:", best, "mean error:", round(error(best), 1))


class Forecast(InferenceSpec):
    def __init__(self, factors):
        self.factors = factors

    def load(self, model_dir):
        return self.factors

    def invoke(self, input_object, model):
        return forecast(input_object, model, 7)


# %% [markdown]
# ## Build
#
# `model_server` says what runs inside, because the layout of the files depends on it. The image needs that server,
# Python, and the packages of `requirements.lock`, or a way to a package index. `env_vars` overrides what the server is
# told by default.

# %%
bundle = ModelBuilder(
    inference_spec=Forecast(best),
    schema_builder=SchemaBuilder(hired, forecast(hired, best, 7), keep_samples=True),
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
# A process runs the same code without the image; `strict=True` adds the quirks of its server. `Mode.LOCAL_CONTAINER`
# runs the image.

# %%
with bundle.deploy(mode=Mode.LOCAL_PROCESS, strict=True) as predictor:
    bundle.golden_test(predictor)
    print("the next week:", predictor.predict(hired[:300]).round())
    print("it was:       ", hired[300:307].round())

# %% [markdown]
# ## Deploy it
#
# Two other ways: `base_image=` with `model_server="builtin"` puts this project's server on top of an image of yours;
# `image_uri=` alone is an image that holds its model.
#
#     cdk-modelbuilder deploy build/own-container --instance-type ml.c6i.large

# %%
DEPLOY = False
if DEPLOY:
    predictor = bundle.deploy(initial_instance_count=1, instance_type="ml.c6i.large")
    print(predictor.predict(hired))
