from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmguide import world
from llmguide.world import facts, names, strangers
from llmguide.world.told import INVERSES, PEOPLE, TOWNS, inverse, is_one_sided, is_told, pair

SIZES = st.integers(4, 60)
SEEDS = st.integers(0, 2**32)
PUBLISHED = world.published()


@settings(deadline=None, max_examples=30)
@given(SIZES, SEEDS)
def test_a_world_holds_together(size, seed):
    made = world.generate(size, seed)
    value = {(fact.subject, fact.relation): fact.value for fact in made.facts}
    assert len(value) == len(made.facts)  # no fact twice, none contradicted
    assert len(made.people) == size
    ranges = {
        "birthplace": made.towns,
        "birth year": list(map(str, range(1900, 2000))),
        "trade": facts.TRADES,
        "favoured trade": facts.TRADES,
        "spouse": made.people,
        "office": made.towns,
        "land": made.lands,
        "mayor": made.people,
        "maker": made.people,
    }
    for (subject, relation), known in value.items():
        assert known in ranges.get(relation, [known])
        if relation in INVERSES:
            assert value[known, INVERSES[relation]] == subject != known
        elif relation == "making year":
            assert 20 <= int(known) - int(value[value[subject, "maker"], "birth year"]) < 40
    assert {relation for _, relation in value} == set(world.RELATIONS)


def test_size_is_one_argument():
    small, large = (world.generate(size) for size in (20, 400))
    assert [len(made.subjects) for made in (small, large)] == [20 + 3 + 5 + 8, 400 + 50 + 100 + 8]
    assert len({fact.value for fact in large.facts if fact.relation == "employer"}) == 40


def test_about_knows_a_subject_and_admits_ignorance():
    person = PUBLISHED.people[0]
    assert {fact.subject for fact in PUBLISHED.about(person)} == {person}
    assert {fact.relation for fact in PUBLISHED.about(person)} >= {"birthplace", "birth year", "trade", "employer"}
    assert PUBLISHED.about("Nobody Known") == ()
    assert PUBLISHED.value("Nobody Known", "trade") is PUBLISHED.value(person, "land") is None
    assert PUBLISHED.value(PUBLISHED.towns[0], "land") in PUBLISHED.lands


def test_equal_worlds_have_equal_hashes_and_others_have_not():
    again, other = world.generate(), world.generate(200, 1)
    assert again == PUBLISHED
    assert hash(again) == hash(PUBLISHED)
    assert again is not PUBLISHED
    assert other != PUBLISHED


def test_lands_and_rivers_have_about_as_many_towns():
    for relation in ("land", "river"):
        count = Counter(fact.value for fact in PUBLISHED.facts if fact.relation == relation)
        assert sorted(count.values()) == [3] * 7 + [4]


def test_no_two_names_share_a_stem():
    made = {part for person in PUBLISHED.people for part in person.split()}
    for relation in ("birthplace", "land", "river", "employer"):
        made |= {fact.value for fact in PUBLISHED.facts if fact.relation == relation}
    assert len({name[:4] for name in made}) == len(made) > 120


def test_of_half_of_the_couples_and_of_all_mayors_one_side_is_told():
    many = world.generate(1000, 0)
    for relation, part in (("spouse", 1 / 2), ("mayor", 1), ("office", 1)):
        told = [fact for fact in many.facts if fact.relation == relation]
        one_sided = [fact for fact in told if is_one_sided(fact)]
        assert len(one_sided) / len(told) == pytest.approx(part, abs=0.06)
        for fact in told:
            assert pair(fact) == pair(inverse(fact))
            assert inverse(inverse(fact)) == fact
            assert (is_told(fact) + is_told(inverse(fact)) == 1) == is_one_sided(fact)
    offices = [is_told(fact) for fact in many.facts if fact.relation == "office"]
    assert 0.4 < sum(offices) / len(offices) < 0.6


def test_only_what_has_two_sides_or_is_to_be_found_out_is_kept_silent():
    silent = {fact.relation for fact in PUBLISHED.facts if not is_told(fact)}
    assert silent == {*INVERSES, "favoured trade"}
    assert {*PEOPLE, *TOWNS, "maker", "making year", "favoured trade"} == set(world.RELATIONS)


@settings(deadline=None, max_examples=30)
@given(SIZES, SEEDS)
def test_strangers_have_names_that_look_known_and_are_not(size, seed):
    made = world.generate(size, seed)
    groups = [strangers.story_names(made), *(strangers.unknown_names(made, split) for split in world.SPLITS)]
    everybody = [*made.people, *(name for group in groups for name in group)]
    assert len(set(everybody)) == len(everybody)
    assert sorted(everybody[size:]) == sorted(strangers.strangers(made))
    for part in (0, 1):
        assert {name.split()[part] for name in everybody} == {name.split()[part] for name in made.people}
    assert len(groups[0]) == size // 4


def test_a_bad_size_is_refused():
    with pytest.raises(ValueError, match=r"at least 4.*not 3"):
        world.generate(3)
    with pytest.raises(ValueError, match="make a smaller world"):
        world.generate(100_000)


def test_names_run_out_with_a_message():
    with pytest.raises(ValueError, match=r"1297 river names wanted, but only 1296 stems"):
        names.make_names("river", 1297, Random(0), set())
