"""A few facts of the miniature world as sentences of one token a word, to see how fast a small model learns them."""

import re
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional as F

from llmguide.training.packing import Packed, pack
from llmguide.transformer.model import Transformer
from llmguide.world.facts import generate
from llmguide.world.text import say

RELATIONS = ("birthplace", "trade", "employer")
PHRASINGS = 4
END = 0


@dataclass(frozen=True)
class Corpus:
    """Sentences as tokens.

    Attributes:
        vocab_size: Number of tokens, the end of a document included.
        packed: All sentences in rows.
        prompts: Sentences up to the word that is asked for, at the end of equally long rows; the front is filled up.
        real: False where a prompt's row is filled up.
        answers: The words asked for.
    """

    vocab_size: int
    packed: Packed
    prompts: Int[Tensor, "batch positions"]
    real: Tensor
    answers: Int[Tensor, " batch"]


def build_corpus(people: int, length: int) -> Corpus:
    """Write down what is true of people, each fact in several phrasings.

    Args:
        people: Number of people.
        length: Positions of a row.

    Returns:
        The corpus.
    """
    facts = [fact for fact in generate(people).facts if fact.relation in RELATIONS]
    told = [
        (re.findall(r"\w+|\.", say(fact, phrasing)), len(re.findall(r"\w+", fact.value)))
        for fact in facts
        for phrasing in range(PHRASINGS)
    ]
    words = sorted({word for sentence, _ in told for word in sentence})
    ids = {word: number for number, word in enumerate(words, END + 1)}
    sentences = [[ids[word] for word in sentence] for sentence, _ in told]
    # The value stands before the full stop; its first word is the one that takes knowledge.
    prompts = [sentence[: -1 - size] for sentence, (_, size) in zip(sentences, told, strict=True)]
    answers = [sentence[len(prompt)] for sentence, prompt in zip(sentences, prompts, strict=True)]
    longest = max(map(len, prompts))
    filled = torch.tensor([[END] * (longest - len(prompt)) + prompt for prompt in prompts])
    real = torch.tensor([[False] * (longest - len(prompt)) + [True] * len(prompt) for prompt in prompts])
    return Corpus(len(words) + 1, pack(sentences, length, END), filled, real, torch.tensor(answers))


@torch.no_grad()
def measure(model: Transformer, corpus: Corpus) -> tuple[float, float]:
    """Say how well a model knows the facts.

    Args:
        model: The model.
        corpus: The corpus.

    Returns:
        The loss at the words asked for, in nats, and the part of them that the model finds most likely.
    """
    logits = model(corpus.prompts, real=corpus.real, last_only=True)[:, 0]
    return F.cross_entropy(logits, corpus.answers).item(), (logits.argmax(-1) == corpus.answers).float().mean().item()
