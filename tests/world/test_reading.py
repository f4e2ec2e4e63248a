import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmguide import world
from llmguide.world import reading
from llmguide.world.items import REFUSAL
from llmguide.world.matters import MATTERS
from llmguide.world.reading import Note, Topic, believe

MADE = world.generate(60, 3)
INN = Topic("inn", "Titastead")
SEEDS = st.integers(0, 2**32)


def note(year, source, value, topic=INN):
    return Note(417, 12, "May", year, source, topic, value)


def answer(document):
    """Read notes and question as a careful reader would, from the text alone."""
    *lines, last = document.split("\n")
    question = re.fullmatch(r"Question: (.*\?) Answer:(?: .*)?", last)[1]
    year = re.search(r" in (\d{4})\?", question)
    found = []
    for line in lines:
        date, trust, said = re.fullmatch(r"Note \d{3}, \d+ \w+ (\d{4}), a \w+ \((\w+)\): (.*)\.", line).groups()
        town = re.search("|".join(MADE.towns), said)[0]
        (about,) = (name for name in MATTERS if re.search(rf"\b{name}\b", said))
        if town in question and re.search(rf"\b{about}\b", question) and not (year and date > year[1]):
            value = re.search(r"(?:by|is|on|in|at) ((?:[^ ]+ )?[^ ]+)$", said)[1]
            found.append((["doubtful", "likely", "certain"].index(trust), date, value))
    return f" {max(found)[2]}." if found else REFUSAL


def test_a_note_by_hand():
    assert note(1962, "a rumour", "Sasi Darent").text == (
        "Note 417, 12 May 1962, a rumour (doubtful): The inn of Titastead is kept by Sasi Darent."
    )
    assert INN.ask() == "Who keeps the inn of Titastead?"
    assert INN.ask(1970) == "Who kept the inn of Titastead in 1970?"


def test_notes_are_believed_by_source_then_by_date():
    early, late = note(1950, "a letter", "A"), note(1960, "a letter", "B")
    assert believe([late, early], INN) == "B"
    assert [believe([early, late], INN, year) for year in (1949, 1950, 1959, 1960)] == [None, "A", "A", "B"]
    assert believe([early, late, note(1990, "a rumour", "C")], INN) == "B"
    assert believe([early, late, note(1940, "a register", "D")], INN) == "D"
    assert believe([note(1950, "a letter", "A", Topic("gate", "Titastead"))], INN) is None
    assert believe([], INN) is None


@settings(deadline=None, max_examples=300)
@given(SEEDS)
def test_a_careful_reader_finds_every_answer(seed):
    document = reading.training(MADE, Random(seed))
    assert document.endswith(f"Answer:{answer(document)}")
    numbers = re.findall(r"Note (\d+)", document)
    assert 2 <= len(numbers) == len(set(numbers)) <= 4


@pytest.mark.parametrize("split", world.SPLITS)
def test_an_exam_asks_all_kinds_about_its_split(split):
    asked = reading.exam(MADE, split)
    assert asked == reading.exam(MADE, split)
    assert Counter(item.kind for item in asked) == {f"reading-{kind}": reading.EXAM_SIZE for kind in reading.KINDS}
    for item in asked:
        assert world.split_of(item.key) == split
        assert item.answer == answer(item.prompt)
        assert (item.answer == REFUSAL) == (item.kind == "reading-absent")
    assert len({item.document for item in asked}) == len(asked)


def test_the_latest_is_not_the_last_and_the_surest_not_the_latest():
    """No shortcut answers: not the order of the notes, not the date alone."""
    of_kind = {
        kind: [item for item in reading.exam(MADE, "test") if item.kind == f"reading-{kind}"] for kind in reading.KINDS
    }
    for kind in ("latest", "trust"):
        last = sum(item.answer[1:-1] in item.prompt.split("\n")[-2] for item in of_kind[kind])
        assert last < 0.6 * len(of_kind[kind])


@pytest.mark.no_cover
def test_no_held_out_topic_is_in_training():
    random = Random(0)
    held_out = {
        MATTERS[topic.matter].statement.format(town=topic.town, value="").removesuffix(" .")
        for split in ("validation", "test")
        for topic in reading.topics(MADE, split)
    }
    questions = {topic.ask() for split in ("validation", "test") for topic in reading.topics(MADE, split)}
    assert len(held_out) > 8
    for _ in range(5000):
        document = reading.training(MADE, random)
        assert not any(words in document for words in held_out | questions)


def test_statements_and_questions_name_their_matter_and_no_other():
    for name, matter in MATTERS.items():
        for text in (matter.statement, matter.question, matter.past):
            assert [other for other in MATTERS if re.search(rf"\b{other}\b", text)] == [name]
        assert matter.statement.endswith(" {value}.")
        assert len(set(matter.values)) == len(matter.values) != 1


def test_the_smallest_world_can_be_read_about():
    smallest = world.generate(4)
    assert reading.training(smallest, Random(0))
    assert isinstance(reading.exam(smallest, "test"), list)
