"""What moto 5.2.5 gets wrong or leaves out of CloudFormation for SageMaker stacks, put right by replacing its parts.

Only `mend()` imports moto. docs/decisions/0005-aws-stand-in.md lists what is mended and what is not.
"""

from __future__ import annotations

import functools


@functools.cache  # once a process: the parts replaced keep a reference to what they replace
def mend() -> None:
    from tests.aws_stand_in.mending import absent_libraries

    absent_libraries.mend()  # before anything imports moto's CloudFormation

    from tests.aws_stand_in.mending import (
        bucket_policies,
        change_sets,
        cloudtrail,
        copies,
        functions,
        inference_components,
        intrinsics,
        managed_policies,
        model_data,
        references,
        resource_events,
        resource_types,
        s3_uploads,
        sagemaker,
        stacks,
        template_urls,
        updates,
    )

    for part in (
        resource_types,
        intrinsics,
        references,
        sagemaker,
        model_data,
        inference_components,
        copies,
        functions,
        managed_policies,
        updates,
        stacks,
        resource_events,
        change_sets,
        template_urls,
        cloudtrail,
        s3_uploads,
        bucket_policies,
    ):
        part.mend()
