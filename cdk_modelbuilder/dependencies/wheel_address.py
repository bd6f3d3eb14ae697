"""What a pin names instead of a version in an index: a wheel of this machine, a wheel on a server, or source."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.resolution import as_requirement


def address_of(pin: Pin) -> str:
    """What stands after ``name @``, or the path of a wheel; empty for a version in an index.

    >>> address_of(Pin("x", "x @ https://host/x-1-py3-none-any.whl", "r"))
    'https://host/x-1-py3-none-any.whl'
    >>> address_of(Pin("x", "x==1", "r"))
    ''
    """
    line = as_requirement(pin)
    name, at, address = line.partition(" @ ")
    if not at:
        return name if name.endswith(".whl") else ""
    return address.strip()


def names_wheel(address: str) -> bool:
    """Whether an address is that of a wheel, and nothing has to be built.

    >>> names_wheel("https://host/x-1-py3-none-any.whl#sha256=00"), names_wheel("git+https://host/x@0f")
    (True, False)
    """
    return not address.startswith("git+") and urlsplit(address).path.endswith(".whl")


def wheel_path(address: str) -> Path | None:
    """The wheel of this machine that an address or a path names; None if it names something else.

    >>> wheel_path("file:///a%20b/x-1-py3-none-any.whl")
    PosixPath('/a b/x-1-py3-none-any.whl')
    >>> wheel_path("https://host/x-1-py3-none-any.whl")
    """
    if not names_wheel(address):
        return None
    if address.startswith("file:"):
        return Path(unquote(urlsplit(address).path))
    return None if "://" in address else Path(address)
