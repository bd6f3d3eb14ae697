"""A forest that takes long enough to be worth tuning."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def fitted_forest():
    """A fitted regressor and rows for it."""
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    numbers = np.random.default_rng(0)
    rows = numbers.normal(size=(300, 8))
    model = RandomForestRegressor(n_estimators=40, max_depth=8, random_state=0, n_jobs=1).fit(rows, rows[:, 0])
    return model, rows
