"""How long something takes."""

import time
from collections.abc import Callable


def shortest_seconds(work: Callable[[], object], repeats: int) -> float:
    """Time something; of several runs the fastest is the one that was disturbed least.

    Args:
        work: What to do.
        repeats: How often.

    Returns:
        Seconds that the processor spent on the fastest run. On one thread that is the time that passes, but for the
        moments when other programs have the processor.
    """
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)
