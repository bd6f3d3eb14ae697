"""Templates given by a path-style URL on the loopback address. Moto reads such a URL only if it says `localhost`."""

from __future__ import annotations

from urllib.parse import urlparse

from moto.cloudformation import models, responses, utils
from moto.s3.models import s3_backends


def mend() -> None:
    from_url = utils.get_stack_from_s3_url

    def template(template_url: str, account_id: str, partition: str) -> str:
        url = urlparse(template_url)
        if url.hostname != "127.0.0.1":
            return from_url(template_url, account_id, partition)
        bucket, key = url.path.lstrip("/").split("/", 1)
        return s3_backends[account_id][partition].get_object(bucket, key).value.decode()

    models.get_stack_from_s3_url = responses.get_stack_from_s3_url = template
