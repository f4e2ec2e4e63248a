"""Write on from a prompt, token by token.

The prompts run through the model once, which fills the cache. From then on each step feeds only the newest token of
each row. Prompts of different lengths are filled up on the left, so that all rows end in the same column and the next
token stands in the same column for all.
"""

from collections.abc import Collection, Iterator, Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional as F

from llmguide.decoding.sampling import GREEDY, Sampling, choose
from llmguide.transformer.model import Transformer


def generate(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    sampling: Sampling = GREEDY,
    stop_ids: Collection[int] = (),
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """Write on from each prompt.

    Args:
        model: A causal model.
        prompts: Their ids; each has one at least.
        max_new_tokens: How many tokens to write at the most.
        sampling: How to choose each token; by default the most likely one.
        stop_ids: Ids that end a text.
        generator: Where chance comes from; greedy choice needs none.

    Returns:
        For each prompt the new ids. An id that ended the text is the last of them.

    Raises:
        ValueError: If there is no prompt, one is empty, holds an id outside the vocabulary or is too long for what is
            to be written; if ``max_new_tokens`` is not positive; or if a token is to be drawn without a generator.
        TypeError: If ``prompts`` is a single one.
    """
    texts: list[list[int]] = [[] for _ in prompts]
    for step in stream(
        model,
        prompts,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        stop_ids=stop_ids,
        generator=generator,
    ):
        for text, number in zip(texts, step, strict=True):
            if number is not None:
                text.append(number)
    return texts


def stream(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    sampling: Sampling = GREEDY,
    stop_ids: Collection[int] = (),
    generator: torch.Generator | None = None,
) -> Iterator[list[int | None]]:
    """Write on from each prompt, and give each step as soon as it is done.

    Args:
        model: A causal model.
        prompts: Their ids; each has one at least.
        max_new_tokens: How many tokens to write at the most.
        sampling: How to choose each token; by default the most likely one.
        stop_ids: Ids that end a text.
        generator: Where chance comes from; greedy choice needs none.

    Returns:
        For each step one entry per prompt: the new id, or ``None`` if its text has ended.

    Raises:
        ValueError: As :func:`generate`; what is wrong with the prompts at once, before the first step.
        TypeError: If ``prompts`` is a single one.
    """
    check_prompts(prompts, max_new_tokens, model.config.vocab_size, model.config.context_length)
    return _steps(
        model,
        prompts,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        stop_ids=frozenset(stop_ids),
        generator=generator,
    )


@torch.inference_mode()
def _steps(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    stop_ids: frozenset[int],
    generator: torch.Generator | None,
) -> Iterator[list[int | None]]:
    """Feed the prompts, then the newest token of each row that has not ended."""
    ids, real = pad_left(prompts, model.embedding.tokens.weight.device)
    cache = model.new_cache(len(prompts), ids.shape[1] + max_new_tokens)
    running = list(range(len(prompts)))
    for _ in range(max_new_tokens):
        chosen = choose(model(ids, real=real, cache=cache, last_only=True)[:, -1], sampling, generator)
        step: list[int | None] = [None] * len(prompts)
        for row, number in zip(running, chosen.tolist(), strict=True):
            step[row] = number
        yield step
        left = [place for place, row in enumerate(running) if step[row] not in stop_ids]
        if not left:
            return
        if len(left) < len(running):
            rows = torch.tensor(left, device=chosen.device)
            cache.keep(rows)
            chosen, real = chosen[rows], None if real is None else real[rows]
            running = [running[place] for place in left]
        ids = chosen[:, None]
        real = None if real is None else F.pad(real, (0, 1), value=True)


def pad_left(
    prompts: Sequence[Sequence[int]], device: torch.device | None = None
) -> tuple[Int[Tensor, "batch positions"], Bool[Tensor, "batch positions"] | None]:
    """Put prompts into one tensor, so that all end in its last column.

    Args:
        prompts: Their ids.
        device: Where the tensors are to be.

    Returns:
        The ids, with 0 before the shorter prompts, and where a prompt's own ids stand: ``None`` if everywhere.

    Example:
        >>> ids, real = pad_left([[7], [4, 5, 6]])
        >>> ids.tolist(), real.tolist()
        ([[0, 0, 7], [4, 5, 6]], [[False, False, True], [True, True, True]])
    """
    longest = max(map(len, prompts))
    padding = [longest - len(prompt) for prompt in prompts]
    ids = [[0] * count + list(prompt) for count, prompt in zip(padding, prompts, strict=True)]
    real = torch.arange(longest, device=device) >= torch.tensor(padding, device=device)[:, None]
    return torch.tensor(ids, device=device), real if any(padding) else None


def check_prompts(
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    vocab_size: int,
    context_length: int | None,
    name: str = "prompts",
) -> None:
    """Refuse what a model could not write on from.

    Args:
        prompts: Their ids.
        max_new_tokens: How many tokens to write at the most.
        vocab_size: The model's number of tokens.
        context_length: How many positions the model was made for, if prompt and text share them.
        name: What the caller calls the prompts, for messages.

    Raises:
        ValueError: If there is no prompt, one is empty, holds an id outside the vocabulary or is too long for what is
            to be written, or if ``max_new_tokens`` is not positive.
        TypeError: If ``prompts`` is a single one.
    """
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens is {max_new_tokens}; expected at least 1")
    if not prompts:
        raise ValueError(f"{name} is empty; expected a list of prompts, each a list of ids")
    for number, prompt in enumerate(prompts):
        if isinstance(prompt, int):
            raise TypeError(f"{name}[{number}] is the id {prompt}; expected a list of prompts: [[1, 2]], not [1, 2]")
        if not prompt:
            raise ValueError(f"{name}[{number}] is empty; a model needs one id at least, such as a token for the start")
        if stranger := next((i for i in prompt if not 0 <= i < vocab_size), None):
            raise ValueError(f"{name}[{number}] holds the id {stranger}; the model's ids go from 0 to {vocab_size - 1}")
        if context_length is not None and len(prompt) + max_new_tokens > context_length:
            room = context_length - len(prompt)
            raise ValueError(
                f"{name}[{number}] has {len(prompt)} ids, and with max_new_tokens ({max_new_tokens}) it passes "
                f"context_length ({context_length}): shorten the prompt"
                + (f", or write {room} tokens" if room > 0 else "")
            )
