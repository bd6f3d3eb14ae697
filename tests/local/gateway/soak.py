"""Load on a gateway while its copies are killed at random; every answer is checked.

    python -m tests.local.gateway.soak --seconds 600 --connections 16

Prints one JSON object: requests, errors by their kind, kills, wrong answers, and what the processes held. Exits with 1
for a wrong answer, an error that is not a documented one, a gateway whose memory grew by more than a fifth after its
first tenth of the time, or something that was left behind.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import uvloop

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from cdk_modelbuilder.local.memory import resident_bytes
from cdk_modelbuilder.local.starting import Starter
from tests.local.gateway.conftest import client
from tests.local.gateway.moody import ANSWER, REQUEST, Moody

KEY = "5a" * 32
EXPECTED = ("ModelError",)


def soak(bundle: ModelBundle, *, seconds: float, connections: int, copies: int, kill_every: float) -> dict[str, Any]:
    """What happened."""
    start = Starter(signing_key=KEY)
    started: list[Any] = []
    pids: list[int] = []

    def noting(*arguments: Any, **options: Any) -> Any:
        running = start(*arguments, **options)
        pids.append(running.pid)
        started[:] = [one for one in started if one.is_running()] + [running]  # the dead would count as its memory
        return running

    found: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    samples: list[tuple[int, int]] = []
    killed = 0
    uvloop.new_event_loop().close()  # the first loop of a process opens a pipe for signals that stays
    descriptors = _open_files()
    over = threading.Event()
    with LocalGateway(host_bundles([bundle], copies=copies), start=noting) as gateway:
        runtime = client(gateway.url)
        threads = [
            threading.Thread(target=_ask, args=(runtime, number, over, found, wrong)) for number in range(connections)
        ]
        for thread in threads:
            thread.start()
        choice = random.Random(7)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(choice.uniform(0.5, 1.5) * kill_every)
            alive = [running for running in started if running.is_running()]
            if alive:
                os.kill(choice.choice(alive).pid, signal.SIGKILL)
                killed += 1
            samples.append((_own_memory(), _open_files()))
        over.set()
        for thread in threads:
            thread.join()
        # The last one that was killed comes back, too.
        for _ in range(200):
            if _answers(runtime):
                break
            time.sleep(0.1)
        recovered = _answers(runtime)
        restarts = len(pids) - copies
        port = gateway.port
        runtime.close()
    return {
        "seconds": seconds,
        "connections": connections,
        "copies": copies,
        "killed": killed,
        "restarts": restarts,
        **found,
        "wrong": wrong[:5],
        "recovered": recovered,
        "memory_mb": [round(sample[0] / 1e6, 1) for sample in _spread(samples)],
        "open_files": [sample[1] for sample in _spread(samples)],
        "left_behind": {
            "processes": sum(resident_bytes(pid) is not None for pid in pids),
            "files": _open_files() - descriptors,
            "port": _listens(port),
            "threads": [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()],
        },
    }


def _ask(runtime: Any, worker: int, over: threading.Event, found: collections.Counter[str], wrong: list[str]) -> None:
    number = 0
    while not over.is_set():
        number += 1
        value = [float(worker), float(number)]
        body = json.dumps({"do": "add", "value": value, "seconds": 0.0})
        try:
            response = runtime.invoke_endpoint(
                EndpointName="moody", Body=body, ContentType="application/json", Accept="application/json"
            )
            answer = json.loads(response["Body"].read())
        except runtime.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            found[code] += 1
            if code not in EXPECTED or error.response.get("OriginalStatusCode") != 0:
                wrong.append(str(error))
            time.sleep(0.01)
        except Exception as error:  # noqa: BLE001 - whatever else there is, is wrong
            wrong.append(repr(error))
        else:
            found["answers"] += 1
            if answer["value"] != [value[0] + 1, value[1] + 1]:
                wrong.append(f"{value} became {answer}")


def _answers(runtime: Any) -> bool:
    try:
        runtime.invoke_endpoint(EndpointName="moody", Body=json.dumps(REQUEST), ContentType="application/json")
    except runtime.exceptions.ClientError:
        return False
    return True


def _own_memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _spread(samples: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Eleven of them: the first, the last, and what is between at equal distances."""
    if not samples:
        return []
    return [samples[round(place * (len(samples) - 1) / 10)] for place in range(11)]


def verdict(report: dict[str, Any]) -> list[str]:
    """What was not as it should be."""
    left = report["left_behind"]
    memory = report["memory_mb"]
    return [
        *(f"wrong: {one}" for one in report["wrong"]),
        *([] if report["recovered"] else ["it did not recover"]),
        *([] if not memory or memory[-1] <= memory[1] * 1.2 else [f"memory grew: {memory}"]),
        *(f"{what} left behind: {count}" for what, count in left.items() if count),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--kill-every", type=float, default=2.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle = ModelBuilder(
            inference_spec=Moody(),
            schema_builder=SchemaBuilder(REQUEST, ANSWER),
            name="moody",
            model_path=Path(folder) / "moody",
            dependencies={"auto": False},
            archive=False,
            signing_key=KEY,
        ).build()
        report = soak(
            bundle,
            seconds=options.seconds,
            connections=options.connections,
            copies=options.copies,
            kill_every=options.kill_every,
        )
    faults = verdict(report)
    print(json.dumps({**report, "faults": faults}, indent=2))  # noqa: T201 - it is a program
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
