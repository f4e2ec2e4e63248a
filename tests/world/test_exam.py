from collections import Counter

import pytest

from llmguide import world
from llmguide.world.exam import MODULES

PUBLISHED = world.published()


@pytest.mark.parametrize("split", world.SPLITS)
def test_every_item_answers_itself(split):
    for item in world.exam(PUBLISHED, split, per_kind=30):
        assert world.grade(item, item.answer)
        assert world.grade(item, f"{item.answer}\nQuestion: What is 1 + 1?")
        assert not world.grade(item, item.answer[:-1])
        assert not world.grade(item, "")
        assert item.answer.startswith(" ")
        assert item.answer.endswith(".")
        assert not item.prompt.endswith(" ")


def test_steps_are_not_graded_but_their_result_is():
    [item] = world.exam(PUBLISHED, "test", ["addition-2-steps"], per_kind=1)
    result = item.answer.rpartition(" ")[2]
    assert world.grade(item, f" No idea how. Answer: {result}")
    assert not world.grade(item, f" {result}")
    assert not world.grade(item, f" Answer: 1{result}")


def test_the_same_questions_are_asked_with_steps_and_without():
    for ability in ("addition-2", "addition-3", "hop"):
        asked = world.exam(PUBLISHED, "test", [f"{ability}-direct", f"{ability}-steps"], per_kind=50)
        questions = [item.prompt.partition("?")[0] for item in asked]
        assert questions[:50] == questions[50:]


def test_kinds_can_be_chosen_and_counted():
    chosen = world.exam(PUBLISHED, "test", ["crowd", "story"], per_kind=7)
    assert [item.kind for item in chosen] == ["crowd"] * 7 + ["story"] * 7
    count = Counter(item.kind for item in world.exam(PUBLISHED, "validation", per_kind=25))
    assert max(count.values()) == 25
    assert count["question-never-asked"] == count["inverse-spouse-untold"] == 25


def test_more_items_are_the_old_ones_and_others():
    few, many = (world.exam(PUBLISHED, "test", ["translation-into"], per_kind=count) for count in (20, 40))
    assert many[:20] == few


def test_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"no items of kinds \['poetry'\] in test; there are: completion"):
        world.exam(PUBLISHED, "test", ["poetry"])
    with pytest.raises(ValueError, match=r"no split 'dev'; there are: train"):
        world.exam(PUBLISHED, "dev")


@pytest.mark.no_cover
def test_every_module_that_examines_is_asked():
    items = world.exam(PUBLISHED, "test", per_kind=100_000)
    assert {item.document for item in items} >= {
        item.document for module in MODULES for item in module.exam(PUBLISHED, "test")
    }
