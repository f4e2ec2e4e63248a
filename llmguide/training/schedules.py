"""How the learning rate changes during a run: up in a line, then down along a cosine or, late, in a line.

The first steps of Adam rest on averages of very few gradients, so the rate begins small. At the end small steps let
the weights settle where large ones keep them moving about.
"""

import math


def warmup_cosine(step: int, *, steps: int, peak: float, warmup: int, floor: float = 0.1) -> float:
    """Return the learning rate of a step: up in a line, down along half a cosine.

    Args:
        step: Number of the step, from 0.
        steps: Number of steps in all.
        peak: The highest rate, reached at the end of the warm-up.
        warmup: Number of steps on the way up.
        floor: What is left at the end, as a part of the peak.

    Returns:
        The rate.

    Raises:
        ValueError: If the numbers are out of order.

    Source: :cite:t:`loshchilov2017sgdr` for the cosine.

    Example:
        >>> [round(warmup_cosine(step, steps=4, peak=1.0, warmup=2), 2) for step in range(4)]
        [0.5, 1.0, 1.0, 0.55]
    """
    if not 0 <= warmup < steps or step < 0:
        raise ValueError(f"need 0 <= warmup < steps and step >= 0, not {warmup}, {steps} and {step}")
    if step < warmup:
        return peak * (step + 1) / warmup
    done = min((step - warmup) / (steps - warmup), 1.0)
    return peak * (floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2)


def warmup_stable_decay(step: int, *, steps: int, peak: float, warmup: int, decay: int, floor: float = 0.1) -> float:
    """Return the learning rate of a step: up in a line, constant, down in a line.

    Until the decay begins nothing depends on where the run will end: it can be prolonged, or branched into runs of
    several lengths from one checkpoint.

    Args:
        step: Number of the step, from 0.
        steps: Number of steps in all.
        peak: The highest rate, reached at the end of the warm-up.
        warmup: Number of steps on the way up.
        decay: Number of steps on the way down.
        floor: What would be left one step behind the last, as a part of the peak.

    Returns:
        The rate.

    Raises:
        ValueError: If the numbers are out of order.

    Source: :cite:t:`hu2024minicpm`.

    Example:
        >>> [warmup_stable_decay(step, steps=6, peak=1.0, warmup=2, decay=2, floor=0.0) for step in range(6)]
        [0.5, 1.0, 1.0, 1.0, 1.0, 0.5]
    """
    if not 0 <= warmup <= steps - decay <= steps or warmup == steps or step < 0:
        raise ValueError(
            f"need step ({step}), warmup ({warmup}) and decay ({decay}) >= 0, warmup + decay <= steps ({steps}) and "
            "warmup < steps"
        )
    if step < warmup:
        return peak * (step + 1) / warmup
    if step < steps - decay:
        return peak
    left = max(steps - step, 0) / decay if decay else 1.0
    return peak * (floor + (1 - floor) * left)
