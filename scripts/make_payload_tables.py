"""Writes the matrix in docs/payloads.md: what each kind of payload of tests/payloads/cases.py really does.

    python scripts/make_payload_tables.py [--check]

Every sample goes through its codec in every content type while the table is made; what comes back decides.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cdk_modelbuilder import SchemaBuilder  # noqa: E402 - the repository's own
from cdk_modelbuilder.schema.codecs import decode  # noqa: E402
from tests.payloads.cases import CASES, Case  # noqa: E402
from tests.payloads.equality import same  # noqa: E402

PAGE = ROOT / "docs" / "payloads.md"
BEGIN, END = "<!-- matrix: made by `make tables` -->", "<!-- end of matrix -->"
HEADINGS = ("payload", "native", "exact as well", "not exact")
SHORT = {
    "application/vnd.apache.arrow.stream": "Arrow",
    "application/vnd.apache.arrow.file": "Arrow file",
    "application/vnd.apache.parquet": "Parquet",
    "application/x-npy": "npy",
    "application/x-npz": "npz",
    "application/x-safetensors": "safetensors",
    "application/octet-stream": "octets",
    "application/json": "JSON",
    "multipart/form-data": "multipart",
    "text/csv": "CSV",
    "text/plain": "text",
}


def row(case: Case) -> str:
    """One line of the table."""
    sample = case.make()
    codec = SchemaBuilder(sample, 0).input_codec
    exact, inexact = [], []
    for content_type in codec.written_types:
        if "*" in content_type:
            continue
        body = codec.encode(sample, content_type)
        if same(decode(codec, bytearray(body), codec.label(content_type, body)), sample):
            exact.append(_short(content_type))
        else:
            inexact.append(f"{_short(content_type)}: {case.inexact[content_type]}")
    native = _short(codec.content_types[0])
    others = ", ".join(name for name in exact if name != native)
    return f"| {case.name} | {native} | {others} | {'; '.join(inexact)} |"


def _short(content_type: str) -> str:
    return SHORT.get(content_type, content_type.removeprefix("image/").removeprefix("audio/").upper())


def matrix() -> str:
    """The table in Markdown."""
    legend = ", ".join(f"{short} `{full}`" for full, short in SHORT.items())
    lines = [f"{len(CASES)} kinds of payload. {legend}; PNG, TIFF, WAV and so on `image/*` and `audio/*`.", ""]
    lines += ["| " + " | ".join(HEADINGS) + " |", "|---" * len(HEADINGS) + "|"]
    return "\n".join([*lines, *map(row, CASES)])


def main() -> int:
    """Write the page, or say whether it is as it would be written."""
    parser = argparse.ArgumentParser(description="Write the matrix in docs/payloads.md.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if the page is not up to date")
    options = parser.parse_args()
    missing = sorted({str(case.missing) for case in CASES if case.missing})
    if missing:
        print(f"not installed: {', '.join(missing)}. Run `make setup-all` first.", file=sys.stderr)
        return 2
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n\n{matrix()}\n\n{END}{after}"
    if options.check:
        if wanted != text:
            print("docs/payloads.md is not what the codecs do. Run `make tables`.", file=sys.stderr)
        return int(wanted != text)
    PAGE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
