"""What a source file imports, and what it can do without."""

from __future__ import annotations

import ast

import pytest

from cdk_modelbuilder.dependencies.import_sites import guards_imports, import_sites


def found(text: str, module: str = "pkg.mod", *, is_package: bool = False) -> dict[str, bool]:
    return {site.candidate: site.optional for site in import_sites(ast.parse(text), module, is_package=is_package)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import a, b.c as d", {"a": False, "b.c": False}),
        ("from a.b import c, d as e", {"a.b.c": False, "a.b.d": False}),
        ("from a import *", {"a": False}),
        ("from . import x\nfrom .y import z\nfrom .. import w", {"pkg.x": False, "pkg.y.z": False}),
        ("def f():\n    def g():\n        import a", {"a": False}),
        ("class C:\n    import a", {"a": False}),
        ("if x:\n    import a\nelse:\n    import b", {"a": False, "b": False}),
        ("try:\n    import a\nexcept ImportError:\n    a = None", {"a": True}),
        ("try:\n    import a\nexcept (ValueError, ModuleNotFoundError):\n    import b", {"a": True, "b": True}),
        ("try:\n    import a\nexcept Exception:\n    pass", {"a": True}),
        ("try:\n    import a\nexcept:\n    pass", {"a": True}),
        ("try:\n    import a\nexcept ValueError:\n    pass", {"a": False}),
        ("try:\n    import a\nexcept ImportError:\n    pass\nelse:\n    import b\nfinally:\n    import c",
         {"a": True, "b": False, "c": False}),
        ("with suppress(ImportError):\n    import a", {"a": True}),
        ("with contextlib.suppress(ImportError):\n    import a", {"a": True}),
        ("with open('x'):\n    import a", {"a": False}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b": False}),
        ("if typing.TYPE_CHECKING:\n    import a", {}),
        ("if sys.version_info < (3, 11):\n    import a\nelse:\n    import b", {"a": True, "b": True}),
        ("if sys.platform == 'win32':\n    import a", {"a": True}),
        ("importlib.import_module('a.b')", {"a.b": False}),
        ("x = __import__('a')", {"a": False}),
        ("import_module('.a', 'pkg')\nimport_module(name)", {}),
        ("try:\n    import_module('a')\nexcept ImportError:\n    pass", {"a": True}),
    ],
)  # fmt: skip
def test_imports(text, expected):
    assert found(text) == expected


def test_relative_imports_of_a_package():
    assert found("from . import x\nfrom ..y import z", "pkg.sub", is_package=True) == {
        "pkg.sub.x": False,
        "pkg.y.z": False,
    }


def test_lines_that_have_a_fallback():
    tree = ast.parse(
        "try:\n    f()\n    g()\nexcept ImportError:\n    h()\ntry:\n    i()\nexcept Exception:\n    j()\n"
    )
    assert [guards_imports(tree, line, any_error=False) for line in range(1, 10)] == [
        False, True, True, False, False, False, False, False, False,
    ]  # fmt: skip
    assert guards_imports(tree, 7, any_error=True)
