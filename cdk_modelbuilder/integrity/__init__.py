"""Manifest, signature, keys, and the verifier that every start runs.

This module imports nothing, so that the verifier can be used without the rest of the package.
"""
