"""The process that sends the load: plan and request come in on standard input, what was seen goes out; JSON both."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict

from cdk_modelbuilder.local.event_loop import new_loop
from cdk_modelbuilder.local.load.plan import LoadPlan, LoadRequest
from cdk_modelbuilder.local.load.users import send_load


def main() -> None:
    """Read, send, write."""
    told = json.load(sys.stdin)
    plan, request = LoadPlan(**told["plan"]), LoadRequest.from_json(told["request"])
    with asyncio.Runner(loop_factory=new_loop) as runner:
        json.dump(asdict(runner.run(send_load(plan, request))), sys.stdout)


if __name__ == "__main__":
    main()
