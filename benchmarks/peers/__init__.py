"""Process mode beside the model servers that people use: ``python -m benchmarks.peers``.

It installs each of them into an environment of its own below the temporary folder, several gigabytes in all, and keeps
them. Everything listens on loopback, with one worker.
"""
