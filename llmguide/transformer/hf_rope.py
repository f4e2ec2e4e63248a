"""Between the entry for rotary positions in ``config.json`` and ours."""

import json
from typing import Any

from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.positions import RotaryPositions
from llmguide.transformer.rope_scaling import LinearScaling, Llama3Scaling, Scaling, YarnScaling, yarn_magnitude


def require(config: JsonObject, key: str, expected: object) -> None:
    """Refuse a variant that this package does not have.

    Args:
        config: What describes the model.
        key: What may switch the variant on.
        expected: The value that does not; a missing key does not, either.

    Raises:
        ValueError: If the key has another value.
    """
    if config.values.get(key, expected) not in (expected, None):
        raise ValueError(
            f"{config.source}: {key!r} is {str(config.values[key])[:60]}, a variant that this package does not have; "
            f"expected {json.dumps(expected)}"
        )


def read_rotation(config: JsonObject) -> RotaryPositions:
    """Read the base of the rotary frequencies and how they are stretched. Older files say it in two places.

    Args:
        config: The content of ``config.json``.

    Returns:
        The positions.

    Raises:
        ValueError: If a value is missing or wrong, or the frequencies are stretched in a way that is not ours.

    Example:
        >>> old = {"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2.0}, "max_position_embeddings": 64}
        >>> read_rotation(JsonObject(old, "config.json"))
        RotaryPositions(base=500000.0, scaling=LinearScaling(factor=2.0), pairing='halves')
    """
    if "rope_parameters" in config:
        rope = config.child("rope_parameters")
    elif "rope_scaling" in config:
        rope = config.child("rope_scaling")
    else:
        return RotaryPositions(config.number("rope_theta", 10_000.0))
    base = rope.number("rope_theta", config.number("rope_theta", 10_000.0))
    for key, expected in {"partial_rotary_factor": 1.0, "truncate": True}.items():
        require(rope, key, expected)
    kind = rope.text("rope_type", rope.text("type", "default"))
    if kind != "yarn":
        require(rope, "mscale", None)
        require(rope, "mscale_all_dim", None)
    original = config.integer("original_max_position_embeddings", config.integer("max_position_embeddings"))
    match kind:
        case "default":
            return RotaryPositions(base)
        case "linear":
            return RotaryPositions(base, LinearScaling(rope.number("factor")))
        case "llama3":
            waves = Llama3Scaling(
                rope.number("factor"),
                rope.number("low_freq_factor"),
                rope.number("high_freq_factor"),
                rope.integer("original_max_position_embeddings", original),
            )
            return RotaryPositions(base, waves)
        case "yarn":
            ramp = YarnScaling(
                rope.number("factor"),
                rope.integer("original_max_position_embeddings", original),
                rope.number("beta_fast", 32.0),
                rope.number("beta_slow", 1.0),
                _read_attention_factor(rope),
            )
            return RotaryPositions(base, ramp)
        case other:
            raise ValueError(
                f"{rope.source}: 'rope_type' is {other[:60]!r}; this package has default, linear, llama3 and yarn"
            )


def _read_attention_factor(rope: JsonObject) -> float | None:
    """Read YaRN's factor of queries and keys: as it is, or as the ratio of two that DeepSeek's files give."""
    if "attention_factor" in rope:
        return rope.number("attention_factor")
    factor, own, whole = rope.number("factor"), rope.number("mscale", 0.0), rope.number("mscale_all_dim", 0.0)
    return yarn_magnitude(factor, own) / yarn_magnitude(factor, whole) if own and whole and factor >= 1 else None


def write_rotation(positions: RotaryPositions) -> dict[str, Any]:
    """Write the base of the rotary frequencies and how they are stretched.

    Args:
        positions: The positions. NTK-aware scaling has no name in these files and is left out.

    Returns:
        What belongs under the key ``rope_parameters``.
    """
    return {"rope_theta": positions.base, **_write_scaling(positions.scaling)}


def _write_scaling(scaling: Scaling | None) -> dict[str, Any]:
    match scaling:
        case LinearScaling():
            return {"rope_type": "linear", "factor": scaling.factor}
        case Llama3Scaling():
            return {
                "rope_type": "llama3",
                "factor": scaling.factor,
                "low_freq_factor": scaling.low_frequency_factor,
                "high_freq_factor": scaling.high_frequency_factor,
                "original_max_position_embeddings": scaling.original_length,
            }
        case YarnScaling():
            written = {
                "rope_type": "yarn",
                "factor": scaling.factor,
                "beta_fast": scaling.beta_fast,
                "beta_slow": scaling.beta_slow,
                "original_max_position_embeddings": scaling.original_length,
            }
            chosen = scaling.attention_factor
            return written if chosen is None else written | {"attention_factor": chosen}
        case _:  # NTK-aware scaling has no name there
            return {"rope_type": "default"}
