"""A model that says what it sees of the container around it, and does what it is asked to."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path

from cdk_modelbuilder import InferenceSpec


class Probe(InferenceSpec):
    """Answers questions about its surroundings, in JSON."""

    def load(self, model_dir):
        if os.environ.get("PROBE_NEEDS_MIB"):
            self.held = bytearray(os.urandom(1 << 20)) * int(os.environ["PROBE_NEEDS_MIB"])
        return model_dir

    def invoke(self, input_object, model):
        question = json.loads(input_object)
        return json.dumps(getattr(self, "_" + question["ask"])(question.get("of"), model))

    def _twice(self, of, model):
        return {"said": [2 * value for value in of]}

    def _user(self, of, model):
        status = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
        return {"uid": os.getuid(), "capabilities": status["CapEff"], "no_new_privileges": status["NoNewPrivs"]}

    def _limits(self, of, model):
        old = Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")
        memory = (old if old.exists() else Path("/sys/fs/cgroup/memory.max")).read_text()
        quota = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
        cpu = quota.read_text() if quota.exists() else Path("/sys/fs/cgroup/cpu.max").read_text()
        pids = Path("/sys/fs/cgroup/pids/pids.max")
        pids = (pids if pids.exists() else Path("/sys/fs/cgroup/pids.max")).read_text()
        shm = os.statvfs("/dev/shm")
        return {
            "memory": int(memory),
            "cpu_us": int(cpu.split()[0]),
            "pids": int(pids),
            "shm": shm.f_frsize * shm.f_blocks,
            "gpus": sorted(path.name for path in Path("/dev").glob("nvidia*")),
        }

    def _write(self, of, model):
        try:
            Path(of).write_text("x")
        except OSError as error:
            return {"error": error.strerror}
        return {"error": None}

    def _reach(self, of, model):
        """Whether a connection or a look-up leads out."""
        try:
            socket.create_connection((of[0], of[1]), timeout=3).close()
        except OSError as error:
            return {"error": str(error)}
        return {"error": None}

    def _interfaces(self, of, model):
        return {"names": sorted(name for _, name in socket.if_nameindex())}

    def _environment(self, of, model):
        return {"names": sorted(os.environ), "command": Path("/proc/1/cmdline").read_text()}

    def _print_key(self, of, model):
        sys.stderr.write(f"key: {os.environ[of or 'MODELBUILDER_HMAC_KEY']}\n")
        sys.stderr.flush()
        return {}

    def _sleep(self, of, model):
        time.sleep(of)
        return {"slept": of}

    def _allocate(self, of, model):
        self.more = bytearray(os.urandom(1 << 20)) * of
        return {"held": len(self.more)}

    def _exit(self, of, model):
        os._exit(of)
