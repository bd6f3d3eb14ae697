"""Classes of a user, from a module of their own."""

import dataclasses
import datetime as dt
from typing import Optional

import numpy as np
import pydantic


@dataclasses.dataclass
class Reading:
    sensor: str
    at: dt.datetime
    values: np.ndarray


class Order(pydantic.BaseModel):
    item: str
    count: int = 1
    due: Optional[dt.date] = None
