"""The project's own model server.

It travels into containers, so it imports nothing else of the package but the verifier, itself a single file of the
standard library.
"""
