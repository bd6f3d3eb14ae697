"""Container mode: a bundle's image in a container, from the same container spec that the constructs deploy.

``runner.LocalContainer`` is the door. ``sockets`` and ``engine`` find the daemon; ``image``, ``pulling`` and
``registry`` see to the image, ``model_files`` to the files; ``options`` and ``request`` are what the daemon is asked
for. ``ownership`` and ``watcher`` leave nothing behind, ``isolation`` and ``relay`` lead into a container without a
network, and ``recording``, ``ending`` and ``refusals`` say what happens and what went wrong.
"""
