"""A user's own layer, function and model, in a file of their own as users have them."""

import keras


class Scale(keras.layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def squash(x):
    return keras.ops.tanh(x) * 3


@keras.saving.register_keras_serializable(package="own")
class Tower(keras.Model):
    """A model as a class."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = keras.layers.Dense(units, activation=squash)
        self.last = keras.layers.Dense(1)

    def call(self, inputs):
        return self.last(self.first(inputs))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Forgetful(keras.layers.Layer):
    """Its settings lack what it was made with."""

    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.table = table

    def call(self, inputs):
        return inputs + float(len(self.table))
