"""Publishes one request at a time, and stands still once a part was sent: `halting_child.py BUNDLE BUCKET FORM`."""

from __future__ import annotations

import sys
import time

from cdk_modelbuilder.publishing import publication, verified_archive

PART = 5 << 20


def stand_still(step: str, done: int, _total: int) -> None:
    if step == "uploading" and done >= PART:
        sys.stdout.write("halted\n")
        sys.stdout.flush()
        time.sleep(600)


if __name__ == "__main__":
    publication.WORKERS = 1
    verified_archive.PART_SIZE = PART
    publication.publish(sys.argv[1], bucket=sys.argv[2], form=sys.argv[3], progress=stand_still)
