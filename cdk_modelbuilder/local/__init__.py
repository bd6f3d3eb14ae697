"""Runs bundles on this machine from their container spec."""
