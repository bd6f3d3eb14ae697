"""Modules of a user, in a file of their own as users have them."""

import torch
from torch import nn


class Block(nn.Module):
    """Tied weights, a plain tensor, a function of torch, a buffer that no state dict has, and a branch on values."""

    def __init__(self, width, activation=torch.tanh):
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        self.second.weight = self.first.weight
        self.activation = activation
        self.factor = torch.tensor([2.0])
        self.register_buffer("shift", torch.tensor([0.5]), persistent=False)

    def forward(self, x):
        x = self.activation(self.first(x)) * self.factor
        return self.second(x) + (self.shift if x.sum() > 0 else -self.shift)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(4)
        self.norm = nn.BatchNorm1d(4)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.drop(self.norm(self.block(x))))

    def predict(self, x):
        return self(x).argmax(dim=1)


class Ratings(nn.Module):
    """Two inputs by name, and two outputs by name."""

    def __init__(self):
        super().__init__()
        self.users = nn.Embedding(10, 3)
        self.head = nn.Linear(4, 1)

    def forward(self, user, age):
        features = torch.cat([self.users(user), age], dim=1)
        return {"score": self.head(features), "user": user}


class Judge(nn.Module):
    """A model of transformers with a head of the user's on it."""

    def __init__(self, bert):
        super().__init__()
        self.bert = bert
        self.head = nn.Linear(16, 2)

    def forward(self, input_ids, attention_mask):
        return self.head(self.bert(input_ids=input_ids, attention_mask=attention_mask).pooler_output)


def double(module, args, output):
    return output * 2


class Branching(nn.Module):
    """What the exporter cannot follow: a branch on values."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x) if x.sum() > 0 else x * 0


class OfFixedBatch(nn.Module):
    """Takes batches of four only."""

    def forward(self, x):
        return x.reshape(4, -1) + torch.arange(4).reshape(4, 1)
