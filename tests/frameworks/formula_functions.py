"""A function that a formula in the tests uses; it is shipped with the model."""


def halved(values):
    return values / 2
