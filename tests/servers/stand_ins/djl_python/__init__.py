"""The two classes that DJL Serving's Python engine hands to ``handle``, as far as its sources say what they do.

Source: deepjavalibrary/djl-serving, ``engines/python/setup/djl_python/inputs.py`` and ``outputs.py``: property names
are compared without case, an input without content is the call that loads the model, values are kept as bytearrays.
"""


class Input:
    def __init__(self, properties=None, body=None):
        self.properties, self._body = dict(properties or {}), body

    def get_property(self, key):
        return next((value for name, value in self.properties.items() if name.lower() == key.lower()), None)

    def is_empty(self):
        return self._body is None

    def get_as_bytes(self, key=None):
        return self._body


class Output:
    def __init__(self, code=200, message="OK"):
        self.code, self.message, self.properties, self.content = code, message, {}, []

    def error(self, error, code=424, message="invoke handler failure"):
        self.code, self.message = code, message
        self.add_property("content-type", "application/json")
        return self.add({"code": code, "message": message, "error": error})

    def add_property(self, key, val):
        self.properties[key] = val
        return self

    def add(self, value, key=None, batch_index=None):
        self.content.append(bytearray(value) if isinstance(value, (bytes, bytearray)) else value)
        return self
