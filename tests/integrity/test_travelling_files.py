"""Files that travel into containers: old Python, few imports, and the very bytes of the package."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from cdk_modelbuilder.building.code_folder import VERIFIER_FILES
from cdk_modelbuilder.integrity import stored_key, unpickle, verifier
from cdk_modelbuilder.schema import codecs
from cdk_modelbuilder.schema.codecs.registry import CODEC_MODULES, libraries_of

CODECS = Path(codecs.__file__).parent
DATA_LIBRARIES = {*libraries_of(list(CODEC_MODULES)), "ml_dtypes", "orjson"}
CHECKERS = {name: Path(str(module.__file__)) for name, module in VERIFIER_FILES.items()}
TRAVELLERS = [*CHECKERS.values(), Path(unpickle.__file__), *sorted(CODECS.glob("*.py"))]


def imports_of(path: Path) -> tuple[set[str], int]:
    """Top-level modules that the file imports, and the deepest relative import."""
    found, depth = set(), 0
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            depth = max(depth, node.level)
            found |= set() if node.level else {str(node.module).partition(".")[0]}
    return found, depth


@pytest.mark.parametrize("path", TRAVELLERS, ids=lambda path: path.name)
def test_python_3_8_reads_it(path):
    text = path.read_text("utf-8")
    tree = ast.parse(text, feature_version=(3, 8))
    first = next(node for node in tree.body if not isinstance(node, ast.Expr))
    assert isinstance(first, ast.ImportFrom)
    assert first.module == "__future__"  # else annotations such as `str | None` are evaluated
    for name in ("removeprefix", "removesuffix", "strict=True", "slots=True", "kw_only", ".UTC"):
        assert name not in text


@pytest.mark.parametrize("path", TRAVELLERS, ids=lambda path: path.name)
def test_it_imports_little(path):
    found, depth = imports_of(path)
    fetches = path == Path(stored_key.__file__)
    allowed = {"boto3", "botocore"} if fetches else DATA_LIBRARIES if path.parent == CODECS else set()
    assert found <= set(sys.stdlib_module_names) | allowed
    assert depth <= (1 if path.parent == CODECS else 0)


def test_the_verifier_needs_no_other_file_and_no_library_before_its_mode_asks_for_it():
    assert set(CHECKERS) == {"modelbuilder_verify", "modelbuilder_public_signature", "modelbuilder_stored_key"}
    for path in CHECKERS.values():
        first = [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.Import)]
        assert {alias.name.partition(".")[0] for node in first for alias in node.names} <= set(sys.stdlib_module_names)
    assert imports_of(Path(verifier.__file__))[0] <= set(sys.stdlib_module_names)


def needed_at_import(module: str, seen: set[str]) -> set[str]:
    """Libraries without which the codec file ``module``, or one that it imports, cannot be imported."""
    if module in seen:
        return set()
    seen.add(module)
    needed: set[str] = set()
    for node in ast.parse((CODECS / f"{module}.py").read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            needed |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            needed |= needed_at_import(str(node.module), seen)
        elif isinstance(node, ast.ImportFrom):
            needed.add(str(node.module).partition(".")[0])
    return needed - set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", CODEC_MODULES)
def test_a_codec_takes_the_library_of_its_data_and_what_that_brings(name):
    needed = needed_at_import("__init__", set()) | needed_at_import(CODEC_MODULES[name], set())
    brought = {"numpy"} if name in ("pandas", "scipy", "tensorflow") else set()
    assert needed <= set(libraries_of([name])) | brought


@pytest.mark.parametrize("path", TRAVELLERS, ids=lambda path: path.name)
def test_nothing_newer_than_python_3_8_is_evaluated_at_run_time(path):
    # Outside of annotations, `int | None` and `dict[str, int]` are errors there.
    tree = ast.parse(path.read_text("utf-8"))
    annotations = set()
    for node in ast.walk(tree):
        for part in ("annotation", "returns"):
            if getattr(node, part, None) is not None:
                annotations |= set(map(id, ast.walk(getattr(node, part))))
    for node in ast.walk(tree):
        if id(node) in annotations:
            continue
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            assert node.value.id not in ("dict", "list", "tuple", "set", "type"), ast.unparse(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            assert not any(isinstance(side, ast.Constant) and side.value is None for side in (node.left, node.right))


def test_a_bundle_holds_the_same_bytes(tumour_bundle):
    code = tumour_bundle.model_dir / "code"
    runtime = code / "modelbuilder_runtime"
    for name, path in CHECKERS.items():
        assert (code / f"{name}.py").read_bytes() == path.read_bytes()
    assert (runtime / "unpickle.py").read_bytes() == Path(unpickle.__file__).read_bytes()
    shipped = sorted((runtime / "codecs").glob("*.py"))
    assert {"__init__.py", "base.py", "json_text.py", "negotiation.py", "numpy_arrays.py"} <= {
        path.name for path in shipped
    }
    for path in shipped:
        assert path.read_bytes() == (CODECS / path.name).read_bytes()


def test_every_file_of_a_bundle_that_it_generated_is_old_python_too(tumour_bundle):
    sources = list((tumour_bundle.model_dir / "code").rglob("*.py"))
    assert sources
    for path in sources:
        ast.parse(path.read_text("utf-8"), feature_version=(3, 8))
