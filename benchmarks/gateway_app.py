"""A gateway in front of one bundle, until stdin closes. ``python -m benchmarks.gateway_app BUNDLE`` prints two ports.

The first is the gateway's, the second that of the process behind it.
"""

from __future__ import annotations

import sys

from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from cdk_modelbuilder.local.starting import Starter


def main() -> None:
    start = Starter()
    ports = []

    def noting(*arguments, **options):
        running = start(*arguments, **options)
        ports.append(running.port)
        return running

    with LocalGateway(host_bundles([ModelBundle.load(sys.argv[1])]), start=noting) as gateway:
        print(gateway.port, ports[0], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
