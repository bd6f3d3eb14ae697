"""Payloads of given sizes, the same in every process: for our codecs and for the SDK in an environment of its own."""

from __future__ import annotations

from typing import Any

COLUMNS = 20


def array(megabytes: int) -> Any:
    """float32 with rows of 1000."""
    import numpy as np

    return np.random.default_rng(0).standard_normal((megabytes * 250, 1000), dtype=np.float32)


def rows(count: int) -> Any:
    """A C-ordered float64 array of so many rows and 20 columns."""
    import numpy as np

    return np.random.default_rng(0).standard_normal((count, COLUMNS))


def lists(count: int) -> Any:
    """The same as a list of lists."""
    return rows(count).tolist()


def frame(count: int) -> Any:
    """The same as a DataFrame, made from a dict of columns."""
    import numpy as np
    import pandas as pd

    data = rows(count)
    return pd.DataFrame({name: np.ascontiguousarray(data[:, at]) for at, name in enumerate(_names())})


def frame_of_one_array(count: int) -> Any:
    """The same as a DataFrame, as pandas makes it from one array. Since pandas 3 each column then lies in one piece."""
    import pandas as pd

    return pd.DataFrame(rows(count), columns=_names())


def frame_by_rows(count: int) -> Any:
    """The same as a DataFrame that is a view of one C-ordered array, so that no column lies in one piece."""
    import pandas as pd

    return pd.DataFrame(rows(count), columns=_names(), copy=False)


def mixed_frame(count: int) -> Any:
    """20 columns: floats, integers, truth values, categories, text and dates."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(0)
    words = [f"word {number}" for number in range(1000)]
    columns: dict[str, Any] = {}
    for turn in range(4):
        columns[f"float {turn}"] = random.standard_normal(count)
        columns[f"integer {turn}"] = random.integers(0, 1 << 40, count)
        columns[f"truth {turn}"] = random.integers(0, 2, count).astype(bool)
        columns[f"category {turn}"] = pd.Categorical.from_codes(random.integers(0, 5, count), list("abcde"))
    for turn in range(2):
        columns[f"text {turn}"] = pd.Series(words).take(random.integers(0, 1000, count)).array
        columns[f"date {turn}"] = (1_700_000_000 + random.integers(0, 1 << 24, count)).astype("M8[s]")
    return pd.DataFrame(columns)


def _names() -> list[str]:
    return [f"column {number}" for number in range(COLUMNS)]
