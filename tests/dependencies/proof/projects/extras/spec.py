"""A package that requires another one with an extra, whose packages it never imports itself."""

from jupyter_events import EventLogger

from cdk_modelbuilder import InferenceSpec

SCHEMA = {
    "$id": "https://example.com/day",
    "version": "1",
    "type": "object",
    "properties": {"day": {"type": "string", "format": "date-time"}},
}


class Events(InferenceSpec):
    def load(self, model_dir):
        logger = EventLogger()
        logger.register_event_schema(SCHEMA)
        return logger

    def invoke(self, input_object, model):
        model.emit(schema_id=SCHEMA["$id"], data={"day": input_object["day"]})
        return {"schemas": len(model.schemas.schema_ids)}
