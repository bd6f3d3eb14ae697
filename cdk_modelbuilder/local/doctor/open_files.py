"""How many files a process may have open: each connection to a server takes one."""

from __future__ import annotations

import resource
from collections.abc import Iterator

from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome

_FEW = 1024
"""macOS gives 256 by default, Linux 1024."""
_ENOUGH = 4096


def _run(_: Circumstances) -> Iterator[Finding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _FEW:
        number = "any number of" if soft == resource.RLIM_INFINITY else str(soft)
        yield Finding(CHECK.name, Outcome.OK, f"a process may have {number} files open.")
        return
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    yield Finding(
        CHECK.name,
        Outcome.WARNING,
        f"a process may have {soft} files open, and each connection to a server is one.",
        "Allow more in the shell that starts it." if wanted > soft else "Ask who manages this machine for more.",
        (f"ulimit -n {wanted}",) if wanted > soft else (),
    )


CHECK = Check("open-files", "Limits", "how many files a process may have open", "allows more", _run)
