"""CloudFormation's functions as a person would say them: ``Ref X``, ``GetAtt X.Arn``, ``arn:${AWS::Partition}:s3:::x``.

Source: the CloudFormation guide's page "Intrinsic function reference".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cdk_modelbuilder.comparing.json_data import canonical

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Expression:
    """What CloudFormation works out when it deploys.

    Attributes:
        parts: Text and what stands for text: ``(is a reference, text)``. Two expressions are the same if these are,
            whatever function they were written with.
        alone: How the expression is called where it stands alone, such as ``Ref X``; empty if ``parts`` say it.
    """

    parts: tuple[tuple[bool, str], ...]
    alone: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return self.alone or self.inside

    @property
    def inside(self) -> str:
        """As it stands in a longer text."""
        return "".join(f"${{{text}}}" if is_reference else text for is_reference, text in self.parts)


def readable(value: Any, names: Mapping[str, str] | None = None) -> Any:
    """JSON data of a template with an :class:`Expression` for every function in it.

    Args:
        value: Any part of a template.
        names: Logical id -> how to call it.
    """
    names = names or {}
    if isinstance(value, list):
        return [readable(entry, names) for entry in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1:
        ((function, argument),) = value.items()
        found = _function(str(function), argument, names)
        if found is not None:
            return found
    return {str(key): readable(inner, names) for key, inner in value.items()}


def plain(value: Any) -> Any:
    """What :func:`readable` made, as JSON data for a report."""
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return value


def text_of(value: Any) -> str:
    """A plain value or an expression as one text, such as an ARN in a policy."""
    if isinstance(value, Expression):
        return value.inside
    return value if isinstance(value, str) else canonical(plain(value))


def references(value: Any) -> Iterator[str]:
    """Logical id of everything that a part of a template refers to; pseudo parameters are among them."""
    if isinstance(value, list):
        for entry in value:
            yield from references(entry)
    if not isinstance(value, Mapping):
        return
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref" and isinstance(argument, str):
            yield argument
        elif function == "Fn::GetAtt":
            yield from _attribute(argument)[:1]
        elif function == "Fn::Sub":
            text, variables = _substitution(argument)
            for name in _VARIABLE.findall(text):
                if not name.startswith("!") and name not in variables:
                    yield name.partition(".")[0]
    for inner in value.values():
        yield from references(inner)


def _function(function: str, argument: Any, names: Mapping[str, str]) -> Any:
    """The expression, plain text if it is nothing else, or None if this is no function."""
    if function == "Ref" and isinstance(argument, str):
        name = names.get(argument, argument)
        return Expression(((True, name),), f"${{{name}}}" if argument.startswith("AWS::") else f"Ref {name}")
    if function == "Fn::GetAtt":
        parts = _attribute(argument)
        if not parts:
            return None
        name = ".".join((names.get(parts[0], parts[0]), *parts[1:]))
        return Expression(((True, name),), f"GetAtt {name}")
    if function == "Fn::Join":
        return _join(argument, names)
    if function == "Fn::Sub":
        return _sub(argument, names)
    if function.startswith("Fn::") or (function == "Condition" and isinstance(argument, str)):
        said = f"{function.removeprefix('Fn::')}({_said(readable(argument, names))})"
        return Expression(((True, said),), said)
    return None


def _join(argument: Any, names: Mapping[str, str]) -> Any:
    if not (isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str)):
        return None
    delimiter, entries = argument
    if not isinstance(entries, list):
        said = f"Join({_said(delimiter)}, {_said(readable(entries, names))})"
        return Expression(((True, said),), said)
    parts: list[tuple[bool, str]] = []
    for index, entry in enumerate(entries):
        if index:
            parts.append((False, delimiter))
        parts += _parts(readable(entry, names))
    return _joined(parts)


def _sub(argument: Any, names: Mapping[str, str]) -> Any:
    text, variables = _substitution(argument)
    if not text and not isinstance(argument, str):
        return None
    parts: list[tuple[bool, str]] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        parts.append((False, text[end : found.start()]))
        end = found.end()
        name = found.group(1)
        if name.startswith("!"):
            parts.append((False, f"${{{name[1:]}}}"))
        elif name in variables:
            parts += _parts(readable(variables[name], names))
        else:
            target, dot, attribute = name.partition(".")
            parts.append((True, names.get(target, target) + dot + attribute))
    parts.append((False, text[end:]))
    return _joined(parts)


def _parts(value: Any) -> tuple[tuple[bool, str], ...]:
    if isinstance(value, Expression):
        return value.parts
    return ((False, text_of(value)),)


def _joined(parts: list[tuple[bool, str]]) -> Any:
    """``parts`` with neighbouring text in one; plain text if that is all."""
    merged: list[tuple[bool, str]] = []
    for is_reference, text in parts:
        if not text and not is_reference:
            continue
        if merged and not is_reference and not merged[-1][0]:
            merged[-1] = (False, merged[-1][1] + text)
        else:
            merged.append((is_reference, text))
    if not any(is_reference for is_reference, _ in merged):
        return "".join(text for _, text in merged)
    return Expression(tuple(merged))


def _said(value: Any) -> str:
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, list):
        return ", ".join(_said(entry) for entry in value)
    return value if isinstance(value, str) and value and "," not in value else canonical(plain(value))


def _attribute(argument: Any) -> list[str]:
    if isinstance(argument, str) and "." in argument:
        return list(argument.partition("."))[::2]
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str):
        return [argument[0], text_of(readable(argument[1]))]
    return []


def _substitution(argument: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(argument, str):
        return argument, {}
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str):
        return argument[0], argument[1] if isinstance(argument[1], Mapping) else {}
    return "", {}
