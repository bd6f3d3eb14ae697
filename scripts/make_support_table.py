"""Write the table of frameworks and servers in docs/servers.md from the tests that prove each pair.

A test says so with ``@pytest.mark.proves(framework, server)``: it runs on the real server, unless ``contract=True``.
The tests are read, not run. With --check nothing is written; exit code 1 says that the table is not what they say.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from cdk_modelbuilder.frameworks import known_frameworks
from cdk_modelbuilder.servers import known_servers, server_adapter

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "servers.md"
MARKS = ("<!-- support: made by scripts/make_support_table.py -->", "<!-- support: end -->")
SPEC, FILES = "InferenceSpec", "files read by the server"
Proofs = dict[tuple[str, str], bool]


def proofs(tests: Path) -> Proofs:
    """(framework, server) -> whether a test runs the pair on the real server; else one checks the contract."""
    found: Proofs = {}
    for path in sorted(tests.rglob("test_*.py")):
        for call in _marks(ast.parse(path.read_text("utf-8"))):
            framework, server = (ast.literal_eval(argument) for argument in call.args)
            is_real = not any(keyword.arg == "contract" for keyword in call.keywords)
            found[framework, server] = found.get((framework, server), False) or is_real
    return found


def _marks(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "proves":
            yield node


def cell(framework: str, server: str, known: Proofs) -> str:
    """What is known of the pair."""
    if (framework, server) in known:
        return "**real**" if known[framework, server] else "contract"
    adapter = server_adapter(server)
    if framework == FILES:
        return "-" if adapter.for_files() is None else "contract"
    if adapter.template is None or adapter.refusal(framework) is not None:
        return "-"
    return "code"


def table(known: Proofs) -> str:
    """The table, in Markdown.

    Raises:
        SystemExit: A test names a framework or a server that there is not.
    """
    frameworks, servers = [*known_frameworks(), SPEC, FILES], known_servers()
    if odd := [pair for pair in known if pair[0] not in frameworks or pair[1] not in servers]:
        sys.exit(f"no such framework or server: {odd}")
    lines = [f"| | {' | '.join(f'`{server}`' for server in servers)} |", "|---" * (len(servers) + 1) + "|"]
    for framework in frameworks:
        cells = [cell(framework, server, known) for server in servers]
        lines.append(f"| {framework} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the table would change")
    options = parser.parse_args()
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    made = f"{before}{MARKS[0]}\n\n{table(proofs(ROOT / 'tests'))}\n\n{MARKS[1]}{after}"
    if made != page and not options.check:
        PAGE.write_text(made, encoding="utf-8")
    return int(options.check and made != page)


if __name__ == "__main__":
    sys.exit(main())
