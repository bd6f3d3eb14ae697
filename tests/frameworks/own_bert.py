"""A user's own class of model, whose source has to travel."""

from transformers import BertForSequenceClassification


class SharperBert(BertForSequenceClassification):
    def forward(self, *args, **kwargs):
        found = super().forward(*args, **kwargs)
        found.logits = found.logits * 10
        return found
