import flask  # noqa: F401
