"""Whether a model can say a token that it is shown: the second half of the search for tokens that it never learned."""

from collections.abc import Sequence

import torch

from llmguide.transformer.checkpoints import Loaded
from llmguide.transformer.model import Transformer

_BEGINNING = "This device repeats its input exactly.\n"
_EXAMPLES = 4
_BATCH = 14


def repeat_probabilities(loaded: Loaded[Transformer], tokens: Sequence[int]) -> list[float]:
    """Ask a model to repeat tokens, each in a prompt of its own, and return the probability that it does.

    A prompt shows inputs and outputs that are the same token, several times over, then the token as an input once more.
    The token goes in by its id, so that it need not be what the tokenizer would make of its text.

    Args:
        loaded: The model and its tokenizer.
        tokens: Their ids.

    Returns:
        For each token the probability that it comes next.

    Raises:
        ValueError: If the model has come without a tokenizer, or an id is not one of its tokens.

    Source: After a prompt of :cite:t:`land2024fishing`, with another first line and four examples.
    """
    if loaded.tokenizer is None:
        raise ValueError("loaded has no tokenizer to write the prompt with: load a model that comes with one")
    if wrong := [token for token in tokens if not 0 <= token < loaded.model.config.vocab_size]:
        raise ValueError(f"tokens holds {wrong[0]}; the model has tokens 0 to {loaded.model.config.vocab_size - 1}")
    encode = loaded.tokenizer.encode_ids
    beginning, between = encode(_BEGINNING + "Input: \u00ab"), encode("\u00bb\nOutput: \u00ab")
    behind = encode("\u00bb\nInput: \u00ab")
    prompts = [[*beginning, *[token, *between, token, *behind] * _EXAMPLES, token, *between] for token in tokens]
    probabilities: list[float] = []
    for start in range(0, len(prompts), _BATCH):
        ids = torch.tensor(tokens[start : start + _BATCH])
        with torch.no_grad():
            logits = loaded.model(torch.tensor(prompts[start : start + _BATCH]), last_only=True)
        probabilities += logits[:, -1].softmax(-1).gather(-1, ids[:, None])[:, 0].tolist()
    return probabilities
