"""Classes of a user, from a module of their own."""

import dataclasses
import datetime as dt

import numpy as np
import pydantic


@dataclasses.dataclass
class Reading:
    sensor: str
    at: dt.datetime
    values: np.ndarray


class Order(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    item: str
    count: int = 1
    due: dt.date | None = None
