"""Translators and a codec of a user."""

from cdk_modelbuilder import Codec, CodecError, CustomPayloadTranslator, register_codec


class Separated(CustomPayloadTranslator):
    """Integers between separators."""

    def __init__(self, separator, **types):
        super().__init__(**types)
        self.separator = separator

    def serialize_payload_to_bytes(self, payload):
        return self.separator.join(map(str, payload)).encode()

    def deserialize_payload_from_stream(self, stream):
        return [int(part) for part in stream.read().decode().split(self.separator)]


class Forgetful(CustomPayloadTranslator):
    def serialize_payload_to_bytes(self, payload):
        return b""

    def deserialize_payload_from_stream(self, stream):
        return stream.read()[0]


class Money:
    def __init__(self, cents, currency):
        self.cents, self.currency = cents, currency

    def __eq__(self, other):
        return vars(self) == vars(other)

    def __hash__(self):
        return hash((self.cents, self.currency))


@register_codec
class MoneyCodec(Codec):
    name = "money"

    @classmethod
    def describe(cls, sample):
        return {"currency": sample.currency} if isinstance(sample, Money) else None

    def to_plain(self, value):
        return value.cents

    def from_plain(self, plain):
        if not isinstance(plain, int):
            raise CodecError("expected cents as a whole number.")
        return Money(plain, self.spec["currency"])

    def difference(self, value):
        return None if isinstance(value, Money) else "expected Money."

    def summary(self):
        return "Money in " + self.spec["currency"]

    def json_schema(self):
        return {"type": "integer"}

    def example(self):
        return Money(100, self.spec["currency"])
