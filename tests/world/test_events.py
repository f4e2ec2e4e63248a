import re
from itertools import combinations, islice
from random import Random

import pytest

from llmguide import world
from llmguide.world import events, mixture

PUBLISHED = world.published()
HELD_OUT = [phrasing for phrasings in events.HELD_OUT_PHRASINGS.values() for phrasing in phrasings]


def pattern_of(phrasing):
    """The phrasing with anything in its places, wherever it stands in a text."""
    return re.compile(re.sub(r"\\{\w+\\}", r"[\\w ]+", re.escape(phrasing.removesuffix("."))), re.IGNORECASE)


def words_of(item):
    return set(re.findall(r"\w+", item.prompt)) | {"the"}


def test_each_split_has_a_phrasing_for_each_end_and_training_keeps_its_five():
    assert list(events.HELD_OUT_PHRASINGS) == ["validation", "test"]
    ends = list(events.ENDS.values())
    for phrasings in events.HELD_OUT_PHRASINGS.values():
        assert [phrasing.endswith(end) for phrasing, end in zip(phrasings, ends, strict=True)] == [True, True]
    assert len({*events.PHRASINGS, *HELD_OUT}) == 5 + 4
    assert [sum(phrasing.endswith(end) for phrasing in events.PHRASINGS) for end in ends] == [2, 2]


@pytest.mark.parametrize("split", world.SPLITS)
@pytest.mark.parametrize("made", [PUBLISHED, world.generate(40, 1)], ids=lambda made: f"{made.n_people} people")
def test_a_completion_asks_for_the_truth_and_holds_all_else(made, split):
    items = events.completions(made, split)
    assert len(items) == len({item.prompt for item in items}) == len(made.things) * (4 if split == "train" else 2)
    suffix = "" if split == "train" else "-held-out-phrasing"
    assert {item.kind for item in items} == {f"event-completion{suffix}"}
    asked = []
    for item in items:
        [thing] = [thing for thing in made.things if set(thing.split()) - {"of"} <= words_of(item)]
        values = {f" {made.value(thing, relation)}." for relation in ("maker", "making year")}
        [other] = values - {item.answer}
        assert item.answer in values
        assert other[:-1] in f" {item.prompt}"
        assert world.grade(item, item.answer)
        asked.append((thing, item.answer))
    assert len(set(asked)) == 2 * len(made.things)


def test_validation_and_test_ask_in_other_words_than_training():
    prompts = [{item.prompt for item in events.completions(PUBLISHED, split)} for split in world.SPLITS]
    assert not any(one & other for one, other in combinations(prompts, 2))


def test_no_sentence_on_an_event_begins_like_another():
    """A model that completes the beginning of a sentence can know whether the maker or the year is asked for."""
    phrasings = [*events.PHRASINGS, *HELD_OUT]
    said = [*phrasings, *(way for ways in world.PHRASINGS.values() for way in ways)]
    for phrasing in phrasings:
        beginning = phrasing.rpartition("{")[0]
        assert [other for other in said if other.startswith(beginning)] == [phrasing]


@pytest.mark.no_cover
def test_no_held_out_phrasing_is_in_training():
    patterns = [pattern_of(phrasing) for phrasing in HELD_OUT]
    told = [pattern_of(phrasing) for phrasing in events.PHRASINGS]
    for size, seed in ((200, 0), (200, 5), (60, 1), (24, 2)):
        made = world.generate(size, seed)
        documents = list(islice(world.stream(made, seed), 3000))
        random = Random(seed)
        documents += [draw(made, random) for draw in mixture.KINDS.values() for _ in range(200)]
        text = "\n".join(documents)
        assert not [pattern.pattern for pattern in patterns if pattern.search(text)]
        assert all(pattern.search(text) for pattern in told)  # which are told, so the search would find the others
        items = [item for split in world.SPLITS[1:] for item in events.completions(made, split)]
        assert not [item for item in items if item.document in text]
        assert all(any(pattern.fullmatch(item.document[:-1]) for pattern in patterns) for item in items)


def test_the_exam_does_not_ask_for_completions():
    """The published exam and the recorded one were drawn up without them."""
    for split in world.SPLITS:
        assert not [item for item in world.exam(PUBLISHED, split) if item.kind.startswith("event-completion")]


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match=r"no split 'dev'; there are: train"):
        events.completions(PUBLISHED, "dev")
