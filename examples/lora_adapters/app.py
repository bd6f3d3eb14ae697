"""A language model and LoRA adapters on it, as inference components: the base is in memory once.

Base weights and adapters lie in your bucket; the image is AWS's Large Model Inference container of your region.

    cdk deploy -c weights=s3://my-bucket/llama/ -c adapters=s3://my-bucket/adapters -c image=...
"""

from __future__ import annotations

import aws_cdk as cdk

from cdk_modelbuilder.constructs import (
    Container,
    ContainerImage,
    EndpointComponent,
    Hosting,
    ModelData,
    ModelEndpoint,
    ResourceRequirements,
    ScalingTarget,
)


class Adapters(cdk.Stack):
    """One base component and an adapter for each name in the context."""

    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "lora-adapters")
        context = self.node.get_context
        base = Container(
            image=ContainerImage.from_uri(context("image")),
            model_data=ModelData.folder(context("weights"), accept_eula=True),
            environment={
                "HF_MODEL_ID": "/opt/ml/model",
                "OPTION_ENABLE_LORA": "true",
                "OPTION_MAX_LORAS": "4",
                "OPTION_MAX_LORA_RANK": "32",
            },
        )
        endpoint = ModelEndpoint(
            self,
            "Llama",
            hosting=Hosting.inference_components(
                instance_type="ml.g6e.2xlarge", initial_instance_count=2, max_instance_count=4
            ),
            components=[
                EndpointComponent(
                    name="base",
                    container=base,
                    resources=ResourceRequirements(requests={"num_accelerators": 1, "memory": 24 * 1024, "copies": 2}),
                    adapters={name: f"{context('adapters')}/{name}.tar.gz" for name in ("legal", "medical", "support")},
                )
            ],
        )
        endpoint.autoscale(min_capacity=2, max_capacity=4, target=ScalingTarget.concurrency(requests=8))
        endpoint.monitor()
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)


app = cdk.App()
Adapters(app)
app.synth()
