"""Functions that a pipeline holds by name; the optional part is not there."""

import numpy as np
import toolz

try:
    from .fast import squared
except ImportError:

    def squared(values):
        return values**2


def with_counts(values):
    return np.column_stack([squared(values), [toolz.count(row) for row in values]])
