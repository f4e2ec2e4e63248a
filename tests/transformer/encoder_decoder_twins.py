"""Small random T5 of `transformers`, the same in ours, and how far apart the two are.

Run as a program, this prints the largest difference of each kind for each variant.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor
from torch.nn import functional as F
from transformer_twins import draw, greatest
from transformers import DynamicCache, EncoderDecoderCache, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5LayerNorm

from llmguide.transformer import hf_t5
from llmguide.transformer.checkpoints import Loaded, load_encoder_decoder, save_folder
from llmguide.transformer.encoder_decoder import EncoderDecoder
from llmguide.transformer.hf_names import to_tensors

SHAPES = [(1, 1, 1), (1, 13, 7), (3, 8, 20), (2, 150, 170)]
"""Batches, lengths of sources and of targets; the last pass the distance from which all are alike."""

_SIZES: dict[str, Any] = {
    "vocab_size": 61, "d_model": 48, "d_kv": 10, "d_ff": 80, "num_layers": 3, "num_heads": 4,
}  # fmt: skip

CASES: dict[str, dict[str, Any]] = {
    "t5-1.0": _SIZES,
    "t5-1.1": _SIZES | {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    "t5-uneven": _SIZES | {"num_decoder_layers": 1, "relative_attention_num_buckets": 8, "layer_norm_epsilon": 1e-4},
    "t5-near": _SIZES | {"relative_attention_max_distance": 20, "feed_forward_proj": "gated-silu", "n_positions": 77},
}
"""Choices that files may make."""


def build(name: str, scale: float = 1.0) -> Any:
    """Draw a model of the library; norms are drawn, too, because 1 would hide mistakes."""
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(transformers.T5Config(**CASES[name])).eval()
    if CASES[name].get("tie_word_embeddings") is False:  # the library ties the two until it is told that they differ
        model.lm_head.weight = torch.nn.Parameter(torch.randn(61, 48) / 7)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 1:
                weight.add_(0.02 * torch.randn_like(weight))
            weight.mul_(scale)
    return model


def ours(model: Any, folder: Path, shard: str = "1GB", dtype: torch.dtype = torch.float32) -> EncoderDecoder:
    """Save a model of the library and load it with this package."""
    model.save_pretrained(folder, max_shard_size=shard)
    return load_encoder_decoder(folder, dtype).model


@contextmanager
def true_float64() -> Iterator[None]:
    """Let the library compute its norms in the precision of the input, and not in float32."""

    def norm(self: Any, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.variance_epsilon))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(T5LayerNorm, "forward", norm)
        yield


def draw_pair(batch: int, keys: int, positions: int) -> tuple[Tensor, Tensor]:
    """Draw ids for both sides."""
    return draw(batch, keys), draw(batch, positions, seed=1)


@torch.no_grad()
def states_apart(theirs: Any, model: EncoderDecoder) -> tuple[float, float]:
    """Compare the encoder's states and the logits at several shapes."""
    states = logits = 0.0
    for sources, targets in (draw_pair(*shape) for shape in SHAPES):
        expected = theirs(input_ids=sources, decoder_input_ids=targets)
        memory = model.encode(sources)
        states = max(states, greatest(memory.states, expected.encoder_last_hidden_state))
        logits = max(logits, greatest(model.decode(targets, memory), expected.logits))
    return states, logits


def rows_real(length: int, *, left: bool) -> Tensor:
    """Say of rows of several lengths where their tokens stand."""
    padding = torch.tensor([[0], [3], [7], [length - 1]])
    columns = torch.arange(length)
    return columns >= padding if left else columns < length - padding


@torch.no_grad()
def padded_apart(theirs: Any, model: EncoderDecoder) -> float:
    """Compare states and logits of rows of several lengths, padded on either side, where the tokens are real."""
    sources, targets = draw_pair(4, 12, 9)
    worst = 0.0
    for source_left in (True, False):
        for target_left in (True, False):
            read, written = rows_real(12, left=source_left), rows_real(9, left=target_left)
            written = written.flip(0)
            expected = theirs(
                input_ids=sources,
                attention_mask=read.long(),
                decoder_input_ids=targets,
                decoder_attention_mask=written.long(),
            )
            found = model(sources, targets, sources_real=read, targets_real=written)
            states = model.encode(sources, real=read).states
            worst = max(
                worst,
                greatest(found[written], expected.logits[written]),
                greatest(states[read], expected.encoder_last_hidden_state[read]),
            )
    return worst


@torch.no_grad()
def cached_apart(theirs: Any, model: EncoderDecoder) -> float:
    """Compare logits of a text that is written in pieces, with a cache on both sides, and padded on both."""
    sources, targets = draw_pair(2, 9, 24)
    read, real = torch.ones(2, 9, dtype=torch.bool), torch.ones(2, 24, dtype=torch.bool)
    read[0, 6:] = False
    real[1, :4] = False
    memory, cache = model.encode(sources, real=read), model.new_cache(2)
    states = theirs.encoder(input_ids=sources, attention_mask=read.long())
    past = EncoderDecoderCache(DynamicCache(config=theirs.config), DynamicCache(config=theirs.config))
    worst, start = 0.0, 0
    for end in (9, 10, 11, 15, *range(16, 25)):
        found = model.decode(targets[:, start:end], memory, real=real[:, :end], cache=cache)
        expected = theirs(
            encoder_outputs=states,
            attention_mask=read.long(),
            decoder_input_ids=targets[:, start:end],
            decoder_attention_mask=real[:, :end].long(),
            cache=past,
            use_cache=True,
        )
        seen = real[:, start:end]
        worst = max(worst, greatest(found[seen], expected.logits[seen]))
        start = end
    return worst


def gradients_apart(theirs: Any, model: EncoderDecoder) -> float:
    """Compare the gradients of a loss, tensor by tensor, relative to the norm of each."""
    sources, targets = draw_pair(3, 11, 17)
    answers = draw(3, 17, seed=2).flatten()
    theirs.zero_grad()
    model.zero_grad()
    F.cross_entropy(theirs(input_ids=sources, decoder_input_ids=targets).logits.flatten(0, 1), answers).backward()
    F.cross_entropy(model(sources, targets).flatten(0, 1), answers).backward()
    with torch.no_grad():
        ours_renamed = EncoderDecoder(model.config)
        ours_renamed.load_state_dict({name: weight.grad for name, weight in model.named_parameters()})
        found = to_tensors(ours_renamed, hf_t5.NAMING)
    expected = {name: weight.grad for name, weight in theirs.named_parameters() if weight.grad is not None}
    assert found.keys() == expected.keys()
    return max(float((found[name] - gradient).norm() / gradient.norm()) for name, gradient in expected.items())


def float64_apart(name: str, folder: Path) -> float:
    """Compare states and logits in float64."""
    theirs = build(name)
    model = ours(theirs, folder, dtype=torch.float64)
    with true_float64():
        return max(states_apart(theirs.double(), model))


def scaled_apart(name: str, folder: Path) -> tuple[float, float]:
    """Compare logits of a model with larger weights with float64: ours, and the library's own."""
    theirs = build(name, scale=2.0)
    model = ours(theirs, folder)
    pairs = [draw_pair(*shape) for shape in SHAPES]
    with torch.no_grad():
        found = [model(*pair) for pair in pairs]
        single = [theirs(input_ids=sources, decoder_input_ids=targets).logits for sources, targets in pairs]
        theirs.double()
        with true_float64():
            exact = [theirs(input_ids=sources, decoder_input_ids=targets).logits for sources, targets in pairs]
    return max(map(greatest, found, exact)), max(map(greatest, single, exact))


def saved_apart(name: str, folder: Path, largest: int | None = None) -> float:
    """Compare states and logits of a model of ours with those of the library that loads what ours saved."""
    model = ours(build(name), folder / "theirs")
    save_folder(Loaded(model), folder / "ours", largest)
    theirs, report = T5ForConditionalGeneration.from_pretrained(folder / "ours", output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    return max(states_apart(theirs.eval(), model))


def main() -> None:
    """Print what is measured."""
    measures: dict[str, Callable[[str, Path], str]] = {
        "states/logits": lambda name, folder: "/".join(
            map("{:.1e}".format, states_apart(t := build(name), ours(t, folder)))
        ),
        "padded": lambda name, folder: f"{padded_apart(t := build(name), ours(t, folder)):.1e}",
        "cache": lambda name, folder: f"{cached_apart(t := build(name), ours(t, folder)):.1e}",
        "gradients": lambda name, folder: f"{gradients_apart(t := build(name), ours(t, folder)):.1e}",
        "float64": lambda name, folder: f"{float64_apart(name, folder):.1e}",
        "x2 ours/theirs": lambda name, folder: "/".join(map("{:.1e}".format, scaled_apart(name, folder))),
        "saved": lambda name, folder: f"{saved_apart(name, folder):.1e}",
    }
    lines = ["| variant | " + " | ".join(measures) + " |"]
    for name in CASES:
        cells = []
        for measure in measures.values():
            with tempfile.TemporaryDirectory() as folder:
                cells.append(measure(name, Path(folder)))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
