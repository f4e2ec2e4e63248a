"""Put questions to a model and count the right answers, kind by kind; or ask what it thinks likely."""

from collections.abc import Callable, Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from llmguide.decoding.generation import generate
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.transformer.model import Transformer
from llmguide.world.items import Item

BATCH = 64
"""How many questions are worked on together."""

ROOM = 8
"""How many tokens more than the right answer a model may write."""


def answer(
    model: Transformer, tokenizer: Tokenizer, items: Sequence[Item], *, stop_id: int, batch: int = BATCH
) -> list[str]:
    """Let a model go on from prompts, always with the most likely token.

    Args:
        model: A causal model.
        tokenizer: Its tokenizer.
        items: The prompts. The length of the right answers decides how much the model may write.
        stop_id: The token that ends a document.
        batch: How many prompts to work on together. It changes no answer but where two tokens are as good as equal.

    Returns:
        What the model wrote behind each prompt, without the token that ended it.

    Raises:
        ValueError: If a prompt and its answer do not fit into the model's context.
    """
    prompts = [tokenizer.encode_ids(item.prompt) for item in items]
    answers = [tokenizer.encode_ids(item.answer) for item in items]
    for item, prompt, right in zip(items, prompts, answers, strict=True):
        if len(prompt) + len(right) > model.config.context_length:
            raise ValueError(
                f"{item.prompt[:40]!r} … has {len(prompt)} tokens and its answer {len(right)}; the model's "
                f"context_length is {model.config.context_length}"
            )
    written = [""] * len(items)
    # Long with long and short with short, so that little is filled up.
    order = sorted(range(len(items)), key=lambda index: (len(prompts[index]), len(answers[index]), index))
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        longest = max(len(prompts[index]) for index in chosen)
        room = max(len(answers[index]) for index in chosen) + ROOM
        texts = generate(
            model,
            [prompts[index] for index in chosen],
            max_new_tokens=min(room, model.config.context_length - longest),
            stop_ids=[stop_id],
        )
        for index, ids in zip(chosen, texts, strict=True):
            written[index] = tokenizer.decode([number for number in ids if number != stop_id])
    return written


def shares(items: Sequence[Item], right: Iterable[bool]) -> dict[str, float]:
    """Count the right answers of each kind.

    Args:
        items: What was asked.
        right: Whether each was answered.

    Returns:
        By kind the share of right answers, from 0 to 1, in the order in which the kinds come.

    Example:
        >>> asked = [Item("sum", "1 + 1 =", " 2.", ""), Item("sum", "1 + 2 =", " 3.", ""), Item("town", "In", ".", "")]
        >>> shares(asked, [True, False, True])
        {'sum': 0.5, 'town': 1.0}
    """
    marks: dict[str, list[bool]] = {}
    for item, mark in zip(items, right, strict=True):
        marks.setdefault(item.kind, []).append(mark)
    return {kind: sum(given) / len(given) for kind, given in marks.items()}


def abilities(
    model: Transformer,
    tokenizer: Tokenizer,
    items: Sequence[Item],
    *,
    stop_id: int,
    grade: Callable[[Item, str], bool],
) -> dict[str, float]:
    """Examine a model.

    Args:
        model: A causal model.
        tokenizer: Its tokenizer.
        items: What to ask, for example :func:`llmguide.world.exam.exam`.
        stop_id: The token that ends a document.
        grade: Decides whether a text answers an item, for example :func:`llmguide.world.exam.grade`.

    Returns:
        By kind the share of right answers.

    Raises:
        ValueError: If a prompt and its answer do not fit into the model's context.
    """
    texts = answer(model, tokenizer, items, stop_id=stop_id)
    return shares(items, [grade(item, text) for item, text in zip(items, texts, strict=True)])


@torch.inference_mode()
def log_likelihoods(
    model: Transformer, tokenizer: Tokenizer, items: Sequence[Item], *, batch: int = BATCH
) -> Float[Tensor, " items"]:
    r"""Return how likely a model thinks each answer is behind its prompt.

    .. math:: \log p(a \mid c) = \sum_t \log p(a_t \mid c, a_{<t})

    Args:
        model: A causal model.
        tokenizer: Its tokenizer. Prompt and answer are encoded each for itself.
        items: Prompts and answers.
        batch: How many to work on together.

    Returns:
        For each item the logarithm of the probability of its answer, in nats; the text may go on behind it.

    Raises:
        ValueError: If an item has no prompt or no answer.
    """
    if empty := next((item for item in items if not item.prompt or not item.answer), None):
        raise ValueError(f"{empty} needs a prompt and an answer, so that there is something to ask and to go on from")
    found = torch.empty(len(items))
    pairs = [(tokenizer.encode_ids(item.prompt), tokenizer.encode_ids(item.answer)) for item in items]
    order = sorted(range(len(items)), key=lambda index: sum(map(len, pairs[index])))
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        rows = [torch.tensor(pairs[index][0] + pairs[index][1]) for index in chosen]
        ids = pad_sequence(rows, batch_first=True)  # a causal model does not see what stands behind
        scores = model(ids[:, :-1]).float().log_softmax(-1)
        given = scores.gather(-1, ids[:, 1:, None]).squeeze(-1)
        for row, index in enumerate(chosen):
            prompt, answered = map(len, pairs[index])
            found[index] = given[row, prompt - 1 : prompt + answered - 1].sum()
    return found
