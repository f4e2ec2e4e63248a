import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmguide import world
from llmguide.world import stories
from llmguide.world.stories import TROUBLES, Story
from llmguide.world.strangers import story_names

MADE = world.generate(60, 3)
NAMES = re.compile("|".join((*MADE.people, *story_names(MADE))))
LAMP = next(trouble for trouble in TROUBLES if trouble.tool == "a can of oil")


def key_of(text):
    """Find who has what trouble and who brings what, in the text alone."""
    hero, friend = NAMES.findall(text)
    (trouble,) = (trouble for trouble in TROUBLES if trouble.cause in text)
    (tool,) = (trouble.tool for trouble in TROUBLES if trouble.tool in text)
    return f"{hero}: {trouble.cause}; {friend}: {tool}"


def test_a_story_by_hand():
    right = Story("Sasi Darent", "Vodil Bidesk", LAMP, "a can of oil")
    wrong = Story("Sasi Darent", "Vodil Bidesk", LAMP, "a ladder")
    assert right.key == "Sasi Darent: the lamp ran dry; Vodil Bidesk: a can of oil"
    assert right.outcome == "In the end the room was bright again."
    assert wrong.outcome == "In the end the room was still dark."
    beginnings = {wrong.beginning(Random(seed)) for seed in range(500)}
    assert (
        "Long ago the lamp ran dry. So the room of Sasi Darent was dark. "
        "Sasi sent for Vodil Bidesk. Vodil came with a ladder."
    ) in beginnings
    assert (
        "Long ago the lamp ran dry, and the room of Sasi Darent was dark. Vodil Bidesk brought a ladder." in beginnings
    )
    assert {right.closing(Random(seed)) for seed in range(50)} == {
        "",
        " Sasi thanked Vodil and danced for joy.",
        " Sasi and Vodil laughed and ate a cake.",
    }


def test_every_trouble_has_its_own_tool_and_words():
    for field in ("cause", "effect", "tool", "mended", "broken"):
        assert len({getattr(trouble, field) for trouble in TROUBLES}) == len(TROUBLES)
    assert all("still" in trouble.broken and "again" in trouble.mended for trouble in TROUBLES)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32))
def test_a_story_ends_as_its_tool_decides(seed):
    text = stories.training(MADE, Random(seed))
    assert 3 <= len(re.findall(r"\.(?: |$)", text)) <= 6
    cause, tool = re.fullmatch(r"[^:]*: ([^;]*); [^:]*: (.*)", key_of(text)).groups()
    helped = any(trouble.cause == cause and trouble.tool == tool for trouble in TROUBLES)
    assert (" again." in re.search(r"In the end [^.]*\.", text)[0]) == helped
    assert not helped or "sad" not in text


def test_no_held_out_story_is_in_training():
    random = Random(0)
    keys = {key_of(stories.training(MADE, random)) for _ in range(5000)}
    assert {world.split_of(key) for key in keys} == {"train"}


def test_both_casts_and_both_outcomes_appear_about_equally():
    random = Random(0)
    texts = [stories.training(MADE, random) for _ in range(2000)]
    known = Counter(name in MADE.people for text in texts for name in NAMES.findall(text))
    good = Counter(" again." in text for text in texts)
    for count in (known, good):
        assert 0.4 < count[True] / count.total() < 0.6
    met = {name for text in texts for name in NAMES.findall(text)}
    assert set(story_names(MADE)) <= met


def test_nothing_that_is_asked_about_is_told():
    random = Random(0)
    text = "\n".join(stories.training(MADE, random) for _ in range(2000))
    values = {fact.value for fact in MADE.facts if fact.value not in MADE.people}
    assert not [value for value in values if re.search(rf"\b{value}\b", text)]


@pytest.mark.parametrize("split", world.SPLITS)
def test_an_exam_asks_how_stories_of_its_split_end(split):
    asked = stories.exam(MADE, split)
    assert asked == stories.exam(MADE, split)
    assert len({item.key for item in asked}) == len(asked) > 0.9 * stories.EXAM_SIZE
    for item in asked:
        assert world.split_of(item.key) == split
        assert key_of(item.document) == item.key
        assert item.answer.startswith(" In the end ")
        assert "In the end" not in item.prompt


def test_the_smallest_world_has_stories():
    smallest = world.generate(4)
    assert stories.training(smallest, Random(0))
    assert stories.exam(smallest, "test")
