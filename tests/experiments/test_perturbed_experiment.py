"""The measures of the experiment on perturbed tokenizations, against cases worked by hand."""

from math import log2
from random import Random

import pytest
import torch

from llmguide.experiments.tokenization_perturbed import EXPERIMENT, cut, draw_window, measure, name_of, token_bits
from llmguide.tokenizers import WordPiece, train_tokenizer
from llmguide.tokenizers.bpe import Bpe
from llmguide.tokenizers.decoders import WordPieceDecoder
from llmguide.tokenizers.dropout import sample_ids
from llmguide.tokenizers.gguf import GappedBpe
from llmguide.tokenizers.tokenizer import Tokenizer

TOKENIZER = train_tokenizer(["low lower lowest"], vocab_size=259)  # knows lo, low and Ġlow
WINDOW = ("low\n", "low lower\n")


def knows_nothing(ids):
    return torch.zeros(*ids.shape, TOKENIZER.vocab_size)


def expects_the_same_again(ids):
    return torch.nn.functional.one_hot(ids, 4).float() * torch.tensor(4.0).log()  # 4 against 1 for three others


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_cuts_are_those_of_the_tokenizers_dropout(p):
    text = "low lower, lowest"
    assert cut(TOKENIZER, text, p, Random(3)) == sample_ids(TOKENIZER, text, p, Random(3))


def test_a_vocabulary_with_gaps_is_cut_or_refused():
    gapped = Tokenizer(GappedBpe(Bpe(("a", "b", "ab"), (("a", "b"),))))
    assert cut(gapped, "abab", 0.0, Random(0)) == gapped.encode_ids("abab") == [2, 2]
    with pytest.raises(ValueError, match="'c'"):
        cut(gapped, "abc", 0.0, Random(0))


def test_other_models_are_refused():
    words = Tokenizer(WordPiece(("[UNK]", "a"), unknown="[UNK]"), decoder=WordPieceDecoder())
    with pytest.raises(TypeError, match="WordPiece"):
        cut(words, "a", 0.1, Random(0))


def test_surprise_of_each_token_but_the_first():
    bits = token_bits(expects_the_same_again, [2, 2, 2, 0])
    assert bits == pytest.approx([log2(7 / 4), log2(7 / 4), log2(7)], rel=1e-5)


def test_a_model_that_knows_nothing_pays_by_the_token():
    found = measure(knows_nothing, TOKENIZER, 0, [WINDOW, WINDOW], dropouts=(1.0,), random=Random(0))
    assert found["tokens_per_byte"] == {"canonical": pytest.approx(7 / 14), "p10": 1.0}
    assert found["bits_per_byte"]["canonical"] == pytest.approx(log2(259) * 7 / 14, rel=1e-5)
    assert found["bits_per_byte"]["p10"] == pytest.approx(log2(259), rel=1e-5)
    assert found["after"] == pytest.approx(dict.fromkeys(("nothing", "canonical", "p10"), log2(259) * 5 / 10), rel=1e-5)


def test_the_usual_second_half_is_read_behind_the_odd_first():
    rows, lengths = [], []

    def predict(ids):
        rows.append(TOKENIZER.decode(ids[0, 1:].tolist()))
        lengths.append(ids.shape[1] - 1)
        return knows_nothing(ids)

    measure(predict, TOKENIZER, 0, [WINDOW], dropouts=(1.0,), random=Random(0))
    assert rows == ["low lower\n"] + 3 * ["low\nlow lower\n"]
    assert lengths == [5, 2 + 5, 4 + 10, 4 + 5]


@pytest.mark.parametrize("seed", range(20))
def test_windows_are_neighbouring_lines_that_fit(seed):
    works = [["one\n", "two\n", "\n", "three\n", "four\n"], ["a line that is too long\n", "six\n"]]
    first, second = draw_window(works, 12, Random(seed))
    assert first.strip()
    assert second
    assert len(first + second) <= 12
    assert first + second in "".join(works[0])


def test_names_and_claims_agree():
    names = [name_of(p) for p in (0.0, *EXPERIMENT.config.dropouts)]
    assert names == ["canonical", "p01", "p03", "p10"]
    costs = dict(zip(names, (1.0, 1.2, 1.6, 2.0), strict=True))
    after = dict(zip(names, (1.0, 1.1, 1.25, 1.5), strict=True))
    metrics = {"bits_per_byte": costs, "after": after}
    effects = [claim.effect(metrics) for claim in EXPERIMENT.claims]
    assert effects == pytest.approx([0.2, 0.4, 1.0, 1 - 0.25 / 0.6])
