import sys
from dataclasses import replace

import pytest

from llmguide import experiments
from llmguide.experiments import all_experiments, find_experiment


def test_every_module_with_an_experiment_is_found_in_order():
    names = [experiment.name for experiment in all_experiments()]
    assert names == sorted(names)
    assert {"tokenization-vocabulary-size", "tokenization-pretokenization", "tokenization-training-domain"} <= set(
        names
    )


def test_an_experiment_knows_its_module_and_its_command():
    experiment = find_experiment("tokenization-vocabulary-size")
    assert experiment.module == "llmguide.experiments.tokenization_vocabulary_size"
    assert experiment.command == "llmguide experiments run tokenization-vocabulary-size"


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"no experiment 'tokenisation'; there are: attention-"):
        find_experiment("tokenisation")


def test_a_name_that_is_not_the_module_s_is_refused(tmp_path, monkeypatch, sample):
    (tmp_path / "misnamed.py").write_text("from coin_flips import EXPERIMENT\n")
    sample.load()
    monkeypatch.setattr(experiments, "__path__", [str(tmp_path)])
    try:
        with pytest.raises(ValueError, match="names its experiment 'coin-flips': it must be 'misnamed'"):
            all_experiments()
    finally:
        sys.modules.pop("llmguide.experiments.misnamed", None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Coin_Flips"}, "lower-case words with hyphens"),
        ({"figures": {"by seed": print}}, "lower-case words with hyphens"),
        ({"seeds": ()}, "at least one"),
        ({"seeds": (1, 1)}, "distinct seeds"),
    ],
)
def test_what_no_reference_could_name_is_refused(sample, change, message):
    with pytest.raises(ValueError, match=message):
        replace(sample.experiment, **change)


def test_two_claims_of_one_name_are_refused(sample):
    experiment = sample.experiment
    with pytest.raises(ValueError, match="two claims of one name: fair, fair"):
        replace(experiment, claims=experiment.claims * 2)
