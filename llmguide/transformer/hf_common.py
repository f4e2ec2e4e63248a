"""What the readers and writers of ``config.json`` share, whatever the architecture."""

from typing import Literal

from llmguide.transformer.json_files import JsonObject

Activation = Literal["gelu", "gelu_tanh", "relu", "silu"]

ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
"""The activation functions by the names that ``transformers`` gives them."""

# Far above any model; they keep what is computed before the weights are looked at small.
MOST_WIDTH, MOST_HEADS, MOST_LAYERS, MOST_TOKENS = 2**20, 2**16, 2**16, 2**24


def read_activation(config: JsonObject, key: str, default: str) -> Activation:
    """Look up an activation function.

    Args:
        config: The content of the file.
        key: Under which key it is named.
        default: What a missing key means.

    Returns:
        Our name of it.

    Raises:
        ValueError: If it is none of ours; the message lists those there are.
    """
    name = config.text(key, default)
    if name not in ACTIVATIONS:
        raise ValueError(f"{config.source}: {key!r} is {name[:60]!r}; this package has {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def write_activation(activation: str) -> str:
    """Say what ``transformers`` calls an activation function of ours.

    Args:
        activation: Our name.

    Returns:
        Its name in ``config.json``.
    """
    return next(name for name, ours in ACTIVATIONS.items() if ours == activation)
