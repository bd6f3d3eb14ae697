"""What a language model needs of an instance, and what a server is told, decided from the model's files alone.

    read_model(folder) ─▶ ModelFacts ─┐
    "ml.g5.12xlarge" ─────────────────┼─▶ choose(...) ─▶ ServingChoice (values, reasons, arithmetic)
    "vllm" ───────────────────────────┘                      │
                                                             └─▶ environment(choice), serving_properties(choice)

Nothing here loads a weight, asks a network or needs an accelerator.
"""

from __future__ import annotations

from cdk_modelbuilder.language_models.model_facts import ModelFacts, read_model
from cdk_modelbuilder.language_models.overrides import Overrides
from cdk_modelbuilder.language_models.server_settings import environment, serving_properties
from cdk_modelbuilder.language_models.serving_choice import ServingChoice, choose, smallest_instance_type

__all__ = [
    "ModelFacts",
    "Overrides",
    "ServingChoice",
    "choose",
    "environment",
    "read_model",
    "serving_properties",
    "smallest_instance_type",
]
