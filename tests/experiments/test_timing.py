"""The one clock of the experiments."""

import time

from llmguide.experiments.timing import shortest_seconds


def test_time_is_that_of_the_fastest_run():
    waits = iter([0.06, 0.02, 0.05])

    def work():
        end = time.process_time() + next(waits)
        while time.process_time() < end:
            pass

    assert 0.02 <= shortest_seconds(work, repeats=3) < 0.05


def test_who_sleeps_takes_no_time():
    assert shortest_seconds(lambda: time.sleep(0.05), repeats=1) < 0.04
