"""Traces of training and of encoding."""

from hypothesis import given
from hypothesis import strategies as st
from strategies import SMALL_WORDS

from llmguide.tokenizers import bpe
from llmguide.tokenizers.bpe import count_pairs, split_word
from llmguide.tokenizers.traces import trace_encoding, trace_training

WORDS = {"low": 5, "lower": 2, "newest": 6, "widest": 3}


def test_by_hand() -> None:
    """Counts that a reader can check: es 6 + 3, es-t the same, lo 5 + 2, lo-w the same, ew 6."""
    steps = trace_training(WORDS, 5)
    assert [(step.token, step.count) for step in steps] == [("es", 9), ("est", 9), ("lo", 7), ("low", 7), ("ew", 6)]
    assert [(step.runner_up, step.runner_up_count) for step in steps[:2]] == [(("s", "t"), 9), (("l", "o"), 7)]
    assert steps[3].words == {
        ("low",): 5,
        ("low", "e", "r"): 2,
        ("n", "e", "w", "est"): 6,
        ("w", "i", "d", "est"): 3,
    }


@given(
    words=SMALL_WORDS, end_of_word=st.sampled_from(["", "</w>"]), special=st.sampled_from([[], ["ab"], ["ba", "aa"]])
)
def test_a_trace_is_what_training_does(words: dict[str, int], end_of_word: str, special: list[str]) -> None:
    options = {"end_of_word": end_of_word, "special_tokens": special}
    steps = trace_training(words, 10, **options)
    model = bpe.train(words, 1000, **options)
    assert [step.pair for step in steps] == list(model.merges[:10])
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    corpus = {split_word(word, end_of_word): count for word, count in words.items()}
    for step in steps:
        counts = count_pairs(corpus)
        allowed = {pair: count for pair, count in counts.items() if pair[0] + pair[1] not in special}
        assert step.count == counts[step.pair] == max(allowed.values())
        rest = [count for pair, count in allowed.items() if pair != step.pair]
        assert step.runner_up_count == max(rest, default=0)
        assert (step.runner_up is None) == (not rest)
        assert step.pair not in count_pairs(step.words)
        corpus = step.words


@given(words=SMALL_WORDS, word=st.text("ab", max_size=20))
def test_encoding_step_by_step_ends_where_encoding_ends(words: dict[str, int], word: str) -> None:
    model = bpe.train(words, 20, alphabet="ab")
    steps = trace_encoding(word, model)
    before = split_word(word)
    for step in steps:
        assert model.merges[step.rank] == step.pair == before[step.position : step.position + 2]
        assert step.symbols[step.position] == step.pair[0] + step.pair[1]
        before = step.symbols
    assert before == model.split(word)
