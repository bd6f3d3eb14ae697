"""What ``[tool.uv]`` of a ``pyproject.toml`` says about where packages come from.

See https://docs.astral.sh/uv/concepts/projects/dependencies/ and https://docs.astral.sh/uv/concepts/indexes/.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.listed.line import holds
from cdk_modelbuilder.dependencies.listed.requirement import with_extras
from cdk_modelbuilder.dependencies.listed.toml_file import TomlFile


class Sources:
    """``[tool.uv.sources]``: name -> where the package comes from."""

    def __init__(self, file: TomlFile, environment: Mapping[str, str], chosen: Collection[str]) -> None:
        """Read the table.

        Args:
            file: The ``pyproject.toml``.
            environment: Values of markers in the container.
            chosen: Extras and groups that are read.
        """
        self._file = file
        self._environment = environment
        self._chosen = {str(canonicalize_name(name)) for name in chosen}
        table = file.table("tool", "uv", "sources")
        self._table = {str(canonicalize_name(name)): value for name, value in table.items()}

    def source_of(self, name: str) -> Mapping[str, Any] | None:
        """The source that holds in the container, or None.

        Raises:
            UsageError: It is malformed.
        """
        given = self._table.get(name)
        for source in given if isinstance(given, list) else [] if given is None else [given]:
            if not isinstance(source, Mapping):
                raise self._file.refusal(f"tool.uv.sources.{name}", "is no table")
            part = source.get("extra", source.get("group"))
            if self._applies(source.get("marker"), name) and (
                part is None or canonicalize_name(str(part)) in self._chosen
            ):
                return source
        return None

    def _applies(self, marker: Any, name: str) -> bool:
        if marker is None:
            return True
        try:
            return holds(Marker(str(marker)), self._environment, str(marker), self._file.place)
        except InvalidMarker:
            raise self._file.refusal(f"tool.uv.sources.{name}", f"has {marker!r} for a condition") from None


def with_source(line: str, source: Mapping[str, Any]) -> str | None:
    """``line`` with the address that ``source`` gives; None for a folder of this machine.

    >>> with_source("x[full]>=1; python_version > '3'", {"url": "https://host/x-1.0.tar.gz"})
    'x[full] @ https://host/x-1.0.tar.gz ; python_version > "3"'
    """
    try:
        parsed = Requirement(line)
    except InvalidRequirement:
        return line  # it is refused with its place when it is read
    address = _address(source)
    if address is None:
        return None if source.keys() & {"workspace", "path"} else line
    condition = f" ; {parsed.marker}" if parsed.marker is not None else ""
    return f"{with_extras(parsed.name, parsed.extras)} @ {address}{condition}"


def _address(source: Mapping[str, Any]) -> str | None:
    inside = f"#subdirectory={source['subdirectory']}" if isinstance(source.get("subdirectory"), str) else ""
    if isinstance(source.get("git"), str):
        revision = next((str(source[key]) for key in ("rev", "tag", "branch") if key in source), None)
        return f"git+{source['git']}" + (f"@{revision}" if revision is not None else "") + inside
    if isinstance(source.get("url"), str):
        return f"{source['url']}{inside}"
    path = source.get("path")
    if isinstance(path, str) and path.endswith(".whl"):
        return path if path.startswith(("/", "./", "../")) else f"./{path}"
    return None


def index_lines(file: TomlFile) -> Iterator[tuple[str, str]]:
    """Options of indexes as lines of a requirements file, each with where it is said.

    Raises:
        UsageError: The settings are malformed.
    """
    settings = file.table("tool", "uv")
    indexes = settings.get("index", [])
    if not isinstance(indexes, list) or not all(isinstance(index, Mapping) for index in indexes):
        raise file.refusal("tool.uv.index", "is no list of tables")
    for number, index in enumerate(indexes):
        url = index.get("url")
        if not isinstance(url, str):
            raise file.refusal(f"tool.uv.index[{number}]", "has no url")
        option = "--index-url" if index.get("default") is True else "--extra-index-url"
        option = "--find-links" if index.get("format") == "flat" else option
        yield f"{option} {url}", file.origin(url, f"tool.uv.index[{number}]")
    if isinstance(settings.get("index-url"), str):
        yield f"--index-url {settings['index-url']}", file.origin(settings["index-url"], "tool.uv.index-url")
    for key in ("extra-index-url", "find-links"):
        for url in file.strings(settings.get(key, []), f"tool.uv.{key}"):
            yield f"--{key} {url}", file.origin(url, f"tool.uv.{key}")
    if settings.get("no-index") is True:
        yield "--no-index", file.place
