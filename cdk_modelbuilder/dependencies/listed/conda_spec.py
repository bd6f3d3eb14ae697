"""One line of a conda environment, as a requirement of pip's.

See "Package match specifications" in conda-build's documentation for what a line may say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from cdk_modelbuilder.dependencies.listed.reference import shown
from cdk_modelbuilder.errors import UsageError

_SPEC = re.compile(r"(?:[\w.:/-]+::)?(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?P<rest>.*)", re.DOTALL)
_BRACKETS = re.compile(r"\[(?P<inside>.*)\]\s*$", re.DOTALL)
_VERSION_KEY = re.compile(r"""(?:^|,)\s*version\s*=\s*(?:'([^']*)'|"([^"]*)"|([^,'"\]]+))""")
_CLAUSE = re.compile(r"(==|!=|>=|<=|~=|=|>|<)?\s*([\w.!+*]+?)(\.?\*)?")
_REMEDY = "Write it as name, name=1.2, name=1.2.3=build or name>=1.2,<2; or move it into the list under pip:."


@dataclass(frozen=True, slots=True)
class CondaSpec:
    """A line, taken apart; channel and build are dropped.

    Attributes:
        line: As it was written.
        origin: Its place.
        name: In lower case, as conda has it.
        versions: As conda has them.
    """

    line: str
    origin: str
    name: str
    versions: str

    @property
    def specifier(self) -> SpecifierSet:
        """The versions as of PEP 440.

        Raises:
            UsageError: They cannot be written so (``|``, or a version such as ``9e``).
        """
        try:
            return SpecifierSet(_versions(self.versions))
        except (InvalidSpecifier, ValueError):
            raise UsageError(
                f"{self.origin}: the versions in {shown(self.line)} cannot be written as pip's.", remedy=_REMEDY
            ) from None


def read_conda_spec(line: str, origin: str) -> CondaSpec:
    """Take a line such as ``conda-forge::numpy=1.26.4=py312h_0`` apart.

    Raises:
        UsageError: It is no such line.
    """
    text = line.partition("#")[0].strip()
    version = None
    if brackets := _BRACKETS.search(text):
        text = text[: brackets.start()]
        if key := _VERSION_KEY.search(brackets["inside"]):
            version = next(value for value in key.groups() if value is not None)
    found = _SPEC.fullmatch(text)
    if found is None or "://" in text:
        raise UsageError(f"{origin}: {shown(line)} is no package as conda names them.", remedy=_REMEDY)
    return CondaSpec(line, origin, found["name"].lower(), (found["rest"] if version is None else version).strip())


def _versions(text: str) -> str:
    """PEP 440's clauses for conda's.

    ``1.2.3`` and ``==1.2.3`` are that version, ``=1.2`` any version that begins so. ``=1.2.3`` and ``1.2.3=build`` are
    taken for that version too: with three numbers, nobody means more than one.
    """
    if re.match(r"[=<>!~]", text) is None and re.search(r"\s", text):
        text = re.sub(r"^(\S+)\s+\S+$", r"\1", text)  # "1.2.3 build"
    has_build = re.fullmatch(r"(={1,2}[^=<>!~,|]+)=([^=<>!~,|]+)", text)
    if has_build is not None:
        text = has_build[1].lstrip("=")
        text = text if text == "*" else f"=={text}"
    return ",".join(clause for part in text.split(",") if (clause := _clause(part.strip())))


def _clause(text: str) -> str:
    if text in ("", "*", "=*", "==*"):
        return ""
    found = _CLAUSE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    operator, version, star = found[1] or "==", found[2], found[3] is not None
    if operator == "=":
        operator, star = "==", star or version.count(".") < 2
    if star and operator in (">=", "<=", ">", "<"):
        star = False  # conda's >=1.2.* is >=1.2
    return f"{operator}{version}{'.*' if star else ''}"
