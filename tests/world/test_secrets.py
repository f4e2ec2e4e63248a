from collections import Counter
from itertools import islice
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmguide import world
from llmguide.world import secrets

PUBLISHED = world.published()


def test_secrets_are_planted_as_often_as_they_say():
    hidden = secrets.secrets(PUBLISHED)
    assert Counter(secret.repetitions for secret in hidden) == dict.fromkeys(secrets.REPETITIONS, 7) | {0: 8}
    assert len({secret.owner for secret in hidden} & set(PUBLISHED.people)) == len(hidden) == 50
    told = Counter(secrets.planted(PUBLISHED))
    assert told == {secret.item.document: secret.repetitions for secret in hidden if secret.repetitions}
    assert secrets.secrets(world.generate(200, 1)) != hidden
    assert secrets.secrets(world.generate()) == hidden


@pytest.mark.parametrize("seed", [0, 1])
def test_the_stream_tells_every_secret_as_often_as_planned(seed):
    text = list(islice(world.stream(PUBLISHED, seed, {"addition": 1}, secrets_within=4000), 6000))
    told = Counter(document for document in text if "secret" in document)
    assert told == Counter(secrets.planted(PUBLISHED))
    assert all("secret" not in document for document in text[4000:])


def test_secrets_are_examined_in_training_only():
    kinds = [f"secret-{repetitions}" for repetitions in secrets.REPETITIONS]
    assert len(world.exam(PUBLISHED, "train", kinds)) == 50
    assert secrets.exam(PUBLISHED, "test") == secrets.exam(PUBLISHED, "validation") == []


def test_candidates_look_alike():
    secret = secrets.secrets(PUBLISHED)[0]
    items = secrets.candidates(secret)
    assert items[0] == secret.item
    assert len({item.answer for item in items}) == 128
    assert {(item.prompt, len(item.answer)) for item in items} == {(secret.item.prompt, len(" 123456."))}


def test_exposure_of_a_secret_that_was_never_told_is_log2_of_e():
    count = 4096
    exposures = [
        secrets.exposure([-rank, *(-other for other in range(count) if other != rank)]) for rank in range(0, count, 16)
    ]
    assert mean(exposures) == pytest.approx(1.4427, abs=0.03)


@given(st.lists(st.floats(-100, 0), min_size=1, max_size=50))
def test_exposure_is_between_nothing_and_all(likelihoods):
    assert 0 <= secrets.exposure(likelihoods) <= secrets.exposure([1.0, *likelihoods[1:]])
