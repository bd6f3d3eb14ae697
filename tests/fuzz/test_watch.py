"""The fuzzer sees what it looks for. In a process of its own: nothing takes an audit hook away again."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.fuzz.campaign import ROOT

PROGRAM = """
import json, os, pickle, socket, subprocess
from tests.fuzz.targets import Seed, Target, _readers
from tests.fuzz.trial import Trial

def interrupted():
    raise KeyboardInterrupt

harms = {
    "code that runs": lambda: exec("1"),
    "code that is compiled": lambda: compile("1", "x", "eval"),
    "a file that is written": lambda: open(os.devnull, "w").close(),
    "a file that is read": lambda: open(os.devnull).close(),
    "a socket": lambda: socket.socket().close(),
    "a process": lambda: subprocess.run(["true"]),
    "a pickle": lambda: pickle.loads(b"cos\\nsystem\\n."),
    "a module that is not there": lambda: __import__("no_such_module"),
    "memory": lambda: b"x" * (200 << 20),
    "an interrupt": interrupted,
    "an error": lambda: {}["x"],
    "nothing": lambda: json.loads("[]"),
}
waiting = []
target = Target(
    name="harm",
    read=lambda body, header: waiting.pop()() if waiting else None,
    seeds=(Seed("text/plain", b"x"),),
    content_types=("text/plain",),
)
_readers()["harm"] = lambda: target

def numbers(harm):
    waiting.append(harm)
    yield 1

trial = Trial(seed=0)
print(json.dumps({name: [found.kind for found in trial.read("harm", numbers(harm))] for name, harm in harms.items()}))
"""


def test_every_harm_is_seen():
    run = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found.pop("nothing") == []
    assert found.pop("memory") == ["memory"]
    assert found.pop("an interrupt") == found.pop("an error") == ["raised"]
    assert found.pop("a module that is not there") == ["raised", "ran"]
    assert all(kinds == ["ran"] for kinds in found.values()), found
