"""Components of spaCy that the tests use as those of a user; their source is shipped with the pipeline."""

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import registry

Doc.set_extension("loudness", default=0, force=True)


@Language.component("shout")
def shout(doc):
    doc._.loudness = sum(token.text.isupper() for token in doc)
    doc.cats["LOUD"] = float(doc._.loudness)
    return doc


@registry.misc("tests.threshold.v1")
def threshold(value: int):
    return value


@Language.factory("quiet", default_config={"below": {"@misc": "tests.threshold.v1", "value": 2}})
class Quiet:
    def __init__(self, nlp, name, below: int):
        self.below = below

    def __call__(self, doc):
        doc.cats["QUIET"] = float(doc.cats["LOUD"] < self.below)
        return doc
