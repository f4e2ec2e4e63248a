"""Between config.json and a choice of parts: both ways, and refusals of what is missing, wrong or not ours."""

import json
from dataclasses import replace
from typing import Any

import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st
from transformer_twins import MAIN, VARIANTS

from llmguide.transformer.architectures import bert, gpt2, llama, mistral, qwen2, qwen3
from llmguide.transformer.architectures_experts import mixtral
from llmguide.transformer.architectures_hybrid import granite_hybrid
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.hf_config import ARCHITECTURES, architecture_of, read_config, write_config
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.positions import AlibiPositions, RotaryPositions
from llmguide.transformer.rope_scaling import LinearScaling, Llama3Scaling, NtkScaling, YarnScaling
from llmguide.transformer.state_space import StateSpaceConfig

SIZES: dict[str, Any] = {"vocab_size": 20, "context_length": 32, "d_model": 16, "n_layers": 2, "n_heads": 4}
GROUPED: dict[str, Any] = SIZES | {"n_kv_heads": 2, "d_hidden": 24}
OURS = {
    "gpt2": gpt2(**SIZES),
    "bert": bert(**SIZES),
    "llama": llama(**GROUPED),
    "mistral": mistral(**GROUPED, window=8),
    "qwen2": qwen2(**GROUPED),
    "qwen3": qwen3(**GROUPED, d_head=8),
    "granitemoehybrid": granite_hybrid(
        vocab_size=20,
        context_length=32,
        d_model=16,
        layers=["state space", "attention"],
        attention=AttentionConfig(4, 2, 4),
        state_space=StateSpaceConfig(4, 8, 6, n_groups=2),
        d_hidden=24,
    ),
    "mixtral": mixtral(**GROUPED, n_experts=4),
}


def described(values: dict[str, Any]) -> JsonObject:
    """Make the content of a file."""
    return JsonObject(values, "config.json")


@pytest.mark.parametrize("name", OURS)
def test_what_is_written_is_read(name: str) -> None:
    assert architecture_of(OURS[name]) == name
    assert read_config(described(write_config(OURS[name]))) == OURS[name]


@pytest.mark.parametrize("name", MAIN | VARIANTS)
def test_what_the_library_writes_stays_the_same(name: str) -> None:
    case = (MAIN | VARIANTS)[name]
    theirs = getattr(transformers, ARCHITECTURES[case.kind]).config_class(**case.options)
    theirs.architectures = [ARCHITECTURES[case.kind]]
    config = read_config(described(json.loads(theirs.to_json_string(use_diff=False))))
    assert read_config(described(write_config(config))) == config


@given(
    base=st.floats(1.5, 1e7),
    scaling=st.none()
    | st.builds(LinearScaling, st.floats(1, 64))
    | st.builds(Llama3Scaling, st.floats(1, 64), st.just(1.0), st.floats(1.5, 8), st.integers(1, 9000))
    | st.builds(YarnScaling, st.floats(1, 64), st.integers(1, 9000), attention_factor=st.none() | st.floats(0.5, 2)),
    epsilon=st.floats(1e-12, 1e-2),
    head=st.sampled_from(["tied", "linear"]),
    window=st.none() | st.integers(1, 100),
)
def test_every_choice_that_a_file_can_say_comes_back(
    base: float, scaling: Any, epsilon: float, head: Any, window: int | None
) -> None:
    config = mistral(**GROUPED, window=window, rope_base=base, scaling=scaling, epsilon=epsilon, head=head)
    assert read_config(described(write_config(config))) == config


@pytest.mark.parametrize(
    "config",
    [
        replace(OURS["llama"], positions=RotaryPositions(scaling=NtkScaling(2.0))),
        replace(OURS["llama"], positions=RotaryPositions(pairing="neighbours")),
        replace(OURS["llama"], positions=AlibiPositions()),
        replace(OURS["llama"], mask=MaskConfig("bidirectional")),
        replace(OURS["llama"], norm_placement="post"),
        replace(OURS["mistral"], mask=MaskConfig("causal", 8, sinks=2)),
        replace(OURS["gpt2"], token_types=2),
        replace(OURS["gpt2"], mask=MaskConfig("causal", 8)),
        replace(OURS["bert"], head="tied"),
        replace(OURS["qwen3"], head="none"),
    ],
)
def test_choices_of_our_own_cannot_be_written(config: ModelConfig) -> None:
    with pytest.raises(ValueError, match="no architecture of transformers makes these choices; the nearest is"):
        write_config(config)


def test_a_bert_without_kinds_of_tokens_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="'type_vocab_size' is 0; expected 1 to"):
        write_config(bert(**SIZES, token_types=0))


LLAMA = write_config(OURS["llama"])
LINEAR = LinearScaling(2.0)
OLD = {key: value for key, value in LLAMA.items() if key != "rope_parameters"}


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({}, RotaryPositions(10_000.0)),
        ({"rope_theta": 5e5, "rope_scaling": None}, RotaryPositions(5e5)),
        ({"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2}}, RotaryPositions(5e5, LINEAR)),
        (
            {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}, "original_max_position_embeddings": 8},
            RotaryPositions(10_000.0, YarnScaling(4.0, 8)),
        ),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, RotaryPositions(10_000.0, YarnScaling(4.0, 32))),
    ],
)
def test_older_files_say_it_in_two_places(extra: dict[str, Any], expected: RotaryPositions) -> None:
    assert read_config(described(OLD | extra)).positions == expected


def test_layers_whose_window_is_far_away_have_none() -> None:
    values = write_config(OURS["qwen2"])
    window = {"use_sliding_window": True, "sliding_window": 4}
    assert read_config(described(values | window)).mask.window is None
    assert read_config(described(values | window | {"max_window_layers": 0})).mask.window == 4
    assert read_config(described(values | {"sliding_window": 4})).mask.window is None


GPT2 = write_config(OURS["gpt2"])
BERT = write_config(OURS["bert"])
QWEN2 = write_config(OURS["qwen2"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "config.json: 'model_type' is missing; expected a text"),
        ({"model_type": "rwkv"}, "'model_type' is 'rwkv'; this package loads gpt2, bert, llama"),
        (LLAMA | {"quantization_config": {"bits": 4}}, "'quantization_config' is set; this package loads"),
        ({"model_type": "llama"}, "'hidden_size' is missing; expected a whole number"),
        (LLAMA | {"hidden_size": 2**40}, "'hidden_size' is 1099511627776; expected 1 to 1048576"),
        (LLAMA | {"num_hidden_layers": 0}, "'num_hidden_layers' is 0; expected 1 to"),
        (LLAMA | {"num_attention_heads": "4"}, "'num_attention_heads' is '4'; expected a whole number"),
        (LLAMA | {"num_key_value_heads": 3}, "n_kv_heads"),
        (LLAMA | {"hidden_act": "mish"}, "'hidden_act' is 'mish'; this package has gelu, gelu_new"),
        (LLAMA | {"rms_norm_eps": 0.0}, "epsilon must be greater than 0"),
        (LLAMA | {"rope_parameters": 1}, "'rope_parameters' is 1; expected an object"),
        (OLD | {"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "'rope_type' is 'dynamic'; this package has"),
        (OLD | {"rope_scaling": {"type": "linear"}}, "config.json, 'rope_scaling': 'factor' is missing"),
        (LLAMA | {"rope_parameters": {"partial_rotary_factor": 0.5}}, "'partial_rotary_factor' is 0.5, a variant"),
        (GPT2 | {"scale_attn_weights": False}, "'scale_attn_weights' is False, a variant .* expected true"),
        (GPT2 | {"add_cross_attention": True}, "'add_cross_attention' is True, a variant"),
        (GPT2 | {"n_head": 3}, r"d_model \(16\) must be divisible by n_heads \(3\)"),
        (BERT | {"position_embedding_type": "relative_key"}, "'position_embedding_type' is relative_key, a variant"),
        (BERT | {"architectures": ["BertForSequenceClassification"]}, "'architectures' is .* expected one of"),
        (BERT | {"hidden_act": "relu"}, "'hidden_act' is relu, a variant"),
        (BERT | {"tie_word_embeddings": False}, "'tie_word_embeddings' is False, a variant"),
        (
            QWEN2 | {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
            "'layer_types' mixes full_attention, sliding_attention",
        ),
    ],
)
def test_what_is_missing_wrong_or_not_ours_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_config(described(values))


@given(
    kind=st.sampled_from(sorted(OURS)),
    key=st.integers(0, 30),
    value=st.none() | st.booleans() | st.integers(-1, 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4) | st.lists(st.integers(), max_size=2),
)  # fmt: skip
def test_a_changed_value_is_read_or_refused(kind: str, key: int, value: Any) -> None:
    values = write_config(OURS[kind])
    values[sorted(values)[key % len(values)]] = value
    try:
        read_config(described(values))
    except ValueError as error:
        assert len(str(error)) > 10  # noqa: PT017 (both outcomes are right)
