"""The models of a multi-model container: started when they are first asked for, and the oldest ended for new ones.

SageMaker loads them into one container; here each target model is a bundle's server of its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from cdk_modelbuilder.local.gateway.copies import CopySet, Surroundings
from cdk_modelbuilder.local.gateway.hosted import LEAST_OUTSTANDING, HostedContainer

MOST_LOADED = 4


class ModelCache:
    """For the event loop's thread.

    Args:
        surroundings: The gateway.
        container: The multi-model container.
        label: Its place, for logs.
    """

    def __init__(self, surroundings: Surroundings, container: HostedContainer, label: str) -> None:
        self._surroundings = surroundings
        self._container = container
        self._label = label
        self._loaded: OrderedDict[str, CopySet] = OrderedDict()
        self._ending: list[CopySet] = []

    @property
    def loaded(self) -> list[CopySet]:
        """Those that run, start or end."""
        return [*self._loaded.values(), *self._ending]

    def find(self, target: str) -> CopySet | None:
        """The server of a target model, which may still be starting; None if there is no such model."""
        bundle = self._container.models.get(target)
        if bundle is None:
            return None
        found = self._loaded.get(target)
        if found is not None and found.failure is not None:  # the next request is another chance
            self._unload(target)
            found = None
        if found is None:
            found = CopySet(
                self._surroundings,
                bundle,
                {**self._container.environment, **bundle.container.environment},
                label=f"{self._label}/{target}",
                count=1,
                routing=LEAST_OUTSTANDING,
            )
            self._loaded[target] = found
            found.start()
            self._make_room()
        self._loaded.move_to_end(target)
        return found

    def _make_room(self) -> None:
        for target, copies in list(self._loaded.items())[:-1]:
            if len(self._loaded) <= MOST_LOADED:
                return
            if not any(copy.outstanding for copy in copies.copies) and copies.ready:
                self._unload(target)

    def _unload(self, target: str) -> None:
        copies = self._loaded.pop(target)
        self._ending.append(copies)

        def end() -> None:
            copies.stop()
            self._ending.remove(copies)

        threading.Thread(target=end, daemon=True).start()
