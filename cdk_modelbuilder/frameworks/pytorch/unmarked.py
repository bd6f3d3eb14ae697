"""Takes out of PyTorch's files what they note of this machine: paths of source files, and the sample.

Nothing of it is used when a program runs; it would make other bytes of the same model elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WRITTEN_ANEW = ("version", "byteorder", ".data/")
"""Records that the writer of archives adds by itself."""


@contextmanager
def unmarked(program: Any) -> Iterator[None]:
    """The block sees an exported program without the lines of source and the example inputs that it was made with."""
    import torch  # noqa: PLC0415

    graphs = [part.graph for part in program.graph_module.modules() if isinstance(part, torch.fx.GraphModule)]
    metas = [node.meta for graph in graphs for node in graph.nodes if "stack_trace" in node.meta]
    taken = [(meta, meta.pop("stack_trace")) for meta in metas]
    example = program.example_inputs
    program.example_inputs = None
    try:
        yield
    finally:
        program.example_inputs = example
        for meta, trace in taken:
            meta["stack_trace"] = trace


def unmark_script(path: Path) -> None:
    """Write a TorchScript file anew without the places in source files that its operations come from."""
    import torch  # noqa: PLC0415

    reader = torch._C.PyTorchFileReader(str(path))  # noqa: SLF001 - what torch.serialization itself reads and writes with
    names = [
        name
        for name in reader.get_all_records()
        if not name.endswith(".debug_pkl") and not name.startswith(_WRITTEN_ANEW)
    ]
    records = [(name, reader.get_record(name)) for name in names]
    del reader
    writer = torch._C.PyTorchFileWriter(str(path))  # noqa: SLF001 - see above
    for name, data in records:
        writer.write_record(name, data, len(data))
    writer.write_end_of_file()
