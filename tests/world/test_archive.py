from random import Random

import pytest

from llmguide import world
from llmguide.world import reading
from llmguide.world.archive import CLAIMS, archive, queries
from llmguide.world.items import REFUSAL
from llmguide.world.matters import MATTERS

MADE = world.published()


def test_the_archive_is_laid_down_for_good():
    notes = archive(MADE)
    assert notes == archive(world.published()) != archive(world.generate(200, 1))
    assert [note.number for note in notes] == list(range(1000, 1000 + len(notes)))
    assert len(notes) > 250


def test_queries_are_answered_by_the_notes_that_they_name():
    by_number = {note.number: note for note in archive(MADE)}
    every = [query for split in world.SPLITS for query in queries(MADE, split)]
    assert len(every) == len(MADE.towns) * len(MATTERS)
    assert sorted(number for query in every for number in query.numbers) == sorted(by_number)
    for query in every:
        found = [by_number[number] for number in query.numbers]
        assert {note.topic.key for note in found} <= {query.item.key}
        assert tuple(sorted(note.source for note in found)) in {tuple(sorted(claim)) for claim in CLAIMS}
        if not found:
            assert query.item.answer == REFUSAL
        else:
            surest = [note for note in found if note.source == "a register"] or [
                note for note in found if note.source == "a letter"
            ]
            assert query.item.answer == f" {max(surest, key=lambda note: note.year).value}."
    silent = sum(not query.numbers for query in every)
    assert 0.05 < silent / len(every) < 0.25


@pytest.mark.no_cover
def test_no_note_of_the_archive_is_in_training():
    random = Random(0)
    told = {line.partition(", ")[2] for _ in range(5000) for line in reading.training(MADE, random).split("\n")}
    assert not told & {note.text.partition(", ")[2] for note in archive(MADE)}
