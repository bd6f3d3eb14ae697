"""Options of pip that say where packages come from, as requirements files hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cdk_modelbuilder.dependencies.listed.reference import check_no_credentials
from cdk_modelbuilder.errors import UsageError

# Name in pip -> name in uv (https://docs.astral.sh/uv/reference/cli/#uv-pip-compile).
_WITH_ADDRESS = {
    "--index-url": "--default-index",
    "-i": "--default-index",
    "--extra-index-url": "--index",
    "--find-links": "--find-links",
    "-f": "--find-links",
    "--only-binary": "--only-binary",
    "--no-binary": "--no-binary",
    "--trusted-host": "--allow-insecure-host",
}
_WITHOUT = ("--no-index", "--pre", "--prefer-binary")


def split_option(option: str) -> tuple[str, str]:
    """Name and value of ``--name value``, ``--name=value`` or ``-n value``; the value may be empty.

    >>> split_option("--index-url=https://example.com/simple")
    ('--index-url', 'https://example.com/simple')
    """
    head, space, rest = option.strip().partition(" ")
    name, equals, value = head.partition("=")
    if name.startswith("--") and equals:
        return name, value + space + rest
    return head, rest.strip()


def check_index_options(options: Iterable[str]) -> None:
    """Check that ``options`` say where packages come from, and hold no secret: they are written into the bundle.

    Raises:
        UsageError: An unknown option, one without its address, or an address with a password or token in it.
    """
    for option in options:
        name, value = split_option(option)
        if name in _WITHOUT and not value:
            continue
        if name not in _WITH_ADDRESS or not value:
            raise UsageError(
                f"{name!r} is no option that says where packages come from, or its value is missing.",
                remedy="Use --index-url, --extra-index-url, --trusted-host, --find-links, --no-index, --only-binary, "
                "--no-binary or --pre, as for pip.",
            )
        check_no_credentials(value, f"the option {name}")


def for_uv(options: Sequence[str]) -> list[str]:
    """The same options as arguments of uv.

    pip takes the best version of all indexes, uv by default only those of the first that knows the name. The
    container's pip decides in the end, so uv is told to do as pip does (https://docs.astral.sh/uv/pip/compatibility/).
    """
    arguments: list[str] = []
    for option in options:
        name, value = split_option(option)
        if name in _WITH_ADDRESS:
            arguments += [_WITH_ADDRESS[name], value]
        elif name == "--pre":
            arguments += ["--prerelease", "allow"]
        elif name == "--no-index":
            arguments.append(name)
    if "--index" in arguments:
        arguments += ["--index-strategy", "unsafe-best-match"]
    return arguments


def for_pip(options: Sequence[str]) -> list[str]:
    """The same options as arguments of pip."""
    return [part for option in options for part in split_option(option) if part]
