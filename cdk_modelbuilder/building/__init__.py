"""The steps of build(), see builder.py."""
