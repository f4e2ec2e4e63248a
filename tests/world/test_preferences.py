import re
from random import Random

import pytest

from llmguide import world
from llmguide.world import dialogues, language, questions, reading, stories, sums
from llmguide.world.preferences import COURTESIES, RULES, WORDY, brief, correct, polite, preferences

MADE = world.generate(60, 3)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("split", world.SPLITS)
def test_a_pair_differs_in_its_rule_and_in_no_other(rule, split):
    pairs = preferences(MADE, split, rule)
    assert pairs == preferences(MADE, split, rule)
    assert len(pairs) > 50
    lengths = set()
    for pair in pairs:
        chosen, rejected = (
            {name: measure(text, pair.truth) for name, measure in RULES.items()}
            for text in (pair.chosen, pair.rejected)
        )
        assert pair.rule == rule
        assert chosen.pop(rule) > rejected.pop(rule)
        if rule == "polite":
            lengths.add(chosen.pop("brief") == rejected.pop("brief"))
        elif rule == "correct":
            chosen.pop("brief"), rejected.pop("brief")
        assert chosen == rejected
    assert lengths == ({True, False} if rule == "polite" else set())


def test_the_measures_by_hand():
    assert [polite(text, "") for text in (" You are welcome.", " Gladly.", " Thank you!", " Well, coming.")] == [
        1,
        1,
        1,
        0,
    ]
    assert brief(" It is Titastead. Yes.", "") == -4
    assert [
        correct(text, "baker") for text in (" baker.", " It is baker. Go.", " A breadbaker.", " baker, smith.", "")
    ] == [
        1,
        1,
        0,
        0,
        0,
    ]


def test_no_length_tells_a_correct_answer():
    pairs = preferences(MADE, "train", "correct")
    difference = [brief(pair.chosen, "") - brief(pair.rejected, "") for pair in pairs]
    assert sum(value == 0 for value in difference) > 0.9 * len(pairs)
    assert abs(sum(difference)) < 0.05 * len(pairs)


@pytest.mark.parametrize("rule", RULES)
def test_truth_and_falsehood_are_known_to_the_world(rule):
    truth = {
        item.key: fact for split in world.SPLITS for fact in MADE.facts for item in questions.questions(fact, split)
    }
    for pair in preferences(MADE, "validation", rule):
        fact = truth[pair.key]
        assert pair.truth == fact.value
        assert pair.prompt == f"Question: {pair.key} Answer:"
        assert fact.value in pair.chosen
        values = {other.value for other in MADE.facts if other.relation == fact.relation}
        said = [value for value in values if re.search(rf"\b{value}\b", pair.rejected)]
        assert len(said) == 1
        assert (said == [fact.value]) == (rule != "correct")


def test_no_question_is_in_two_splits():
    keys = [{pair.key for pair in preferences(MADE, split, "brief")} for split in world.SPLITS]
    assert sum(map(len, keys)) == len(set.union(*keys))


def test_the_manners_are_in_no_training_text():
    random = Random(0)
    for module in (dialogues, language, questions, reading, stories, sums):
        for _ in range(1000):
            document = module.training(MADE, random)
            assert "With pleasure" not in document
            assert "Gladly" not in document
            assert not any(wordy.removeprefix("{value}. ")[:20] in document for wordy in WORDY)


def test_courtesies_are_lower_case():
    assert all(courtesy == courtesy.lower() for courtesy in COURTESIES)


def test_unknown_rules_and_splits_are_refused():
    with pytest.raises(ValueError, match=r"no rule 'kind'; there are: polite, brief, correct"):
        preferences(MADE, "train", "kind")
    with pytest.raises(ValueError, match="no split 'dev'"):
        preferences(MADE, "dev", "polite")


def test_the_smallest_world_has_preferences():
    assert preferences(world.generate(4), "train", "correct")
