"""Write one text from another with an encoder-decoder: a translation, a summary, an answer.

The sources run through the encoder once, and each layer of the decoder makes its keys and values of them once. From
then on each step feeds the newest token of each row and looks at what was read.
"""

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from llmguide.decoding.generation import check_prompts
from llmguide.decoding.sampling import GREEDY, Sampling, choose
from llmguide.transformer.encoder_decoder import EncoderDecoder


@torch.inference_mode()
def transduce(
    model: EncoderDecoder,
    sources: Sequence[Sequence[int]],
    *,
    start_id: int,
    max_new_tokens: int,
    sampling: Sampling = GREEDY,
    stop_ids: Collection[int] = (),
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """Read each source, and write what the model makes of it.

    Args:
        model: An encoder-decoder.
        sources: Their ids; each has one at least. Where the model was trained on texts that end with a token for the
            end, as T5 was, they end with it.
        start_id: The id that begins what is written; T5 takes the one that fills up rows, 0.
        max_new_tokens: How many tokens to write at the most.
        sampling: How to choose each token; by default the most likely one.
        stop_ids: Ids that end a text.
        generator: Where chance comes from; greedy choice needs none.

    Returns:
        For each source the ids that were written, without ``start_id``. An id that ended the text is the last of them.

    Raises:
        ValueError: If there is no source, one is empty, an id is outside the vocabulary, ``max_new_tokens`` is not
            positive, a text passes the learned positions, or a token is to be drawn without a generator.
        TypeError: If ``sources`` is a single one.
    """
    vocab_size = model.config.vocab_size
    check_prompts(sources, max_new_tokens, vocab_size, context_length=None, name="sources")
    if not 0 <= start_id < vocab_size:
        raise ValueError(f"start_id is {start_id}; the model's ids go from 0 to {vocab_size - 1}")
    ids, real = pad_right(sources, model.embedding.tokens.weight.device)
    memory = model.encode(ids, real=real)
    cache = model.new_cache(len(sources), max_new_tokens)
    texts: list[list[int]] = [[] for _ in sources]
    running = list(range(len(sources)))
    newest = torch.full((len(sources), 1), start_id, device=ids.device)
    for _ in range(max_new_tokens):
        chosen = choose(model.decode(newest, memory, cache=cache)[:, -1], sampling, generator)
        for row, number in zip(running, chosen.tolist(), strict=True):
            texts[row].append(number)
        left = [place for place, row in enumerate(running) if texts[row][-1] not in stop_ids]
        if not left:
            break
        if len(left) < len(running):
            rows = torch.tensor(left, device=chosen.device)
            cache.keep(rows)
            memory, chosen = memory.keep(rows), chosen[rows]
            running = [running[place] for place in left]
        newest = chosen[:, None]
    return texts


def pad_right(
    texts: Sequence[Sequence[int]], device: torch.device | None = None
) -> tuple[Int[Tensor, "batch positions"], Bool[Tensor, "batch positions"] | None]:
    """Put texts into one tensor, so that all begin in its first column.

    Args:
        texts: Their ids.
        device: Where the tensors are to be.

    Returns:
        The ids, with 0 behind the shorter texts, and where a text's own ids stand: ``None`` if everywhere.

    Example:
        >>> ids, real = pad_right([[7], [4, 5, 6]])
        >>> ids.tolist(), real.tolist()
        ([[7, 0, 0], [4, 5, 6]], [[True, False, False], [True, True, True]])
    """
    lengths = [len(text) for text in texts]
    longest = max(lengths)
    ids = torch.tensor([[*text, *[0] * (longest - len(text))] for text in texts], device=device)
    real = torch.arange(longest, device=device) < torch.tensor(lengths, device=device)[:, None]
    return ids, None if min(lengths) == longest else real
