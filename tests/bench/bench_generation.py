"""Time generation with a cache beside the peers, in one run, and record it in ``book/results/bench-generation.json``.

    make bench

A prompt of 32 tokens, 256 tokens written on from it (64 by SmolLM2), one thread, and the processor's time, so that
other work on the machine counts less. All have the same weights and write the same tokens, which is checked before
anything is timed. How rounds and ratios are made, see ``comparing``. Beside each row the bare products of matrices are
timed, as many as ours makes: what they take is out of reach of a model's code.

The peers are ``transformers``, as people use it, and the models of the book *Build a Large Language Model (From
Scratch)* in their version with a cache, of which only Llama's goes on from where the cache ends.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from comparing import Row, compare, fingerprint, record_benchmark, report, seconds
from llms_from_scratch.kv_cache.generate import generate_text_simple
from llms_from_scratch.kv_cache.llama3 import Llama3Model
from products import Products
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from llmguide.decoding import generate
from llmguide.transformer import ModelConfig, Transformer, gpt2, initialize, llama, published
from llmguide.transformer.checkpoints import Loaded, save_folder

VOCAB_SIZE = 4096
PROMPT_TOKENS, NEW_TOKENS = 32, 256
SMOLLM2_TOKENS = 64  # each takes as long as fifty of the small models
SHAPE = {"vocab_size": VOCAB_SIZE, "context_length": PROMPT_TOKENS + NEW_TOKENS}
SMALL = {**SHAPE, "d_model": 112, "n_layers": 3, "n_heads": 4}
LARGE = {**SHAPE, "d_model": 320, "n_layers": 7, "n_heads": 10}
CONFIGS: dict[str, dict[str, ModelConfig]] = {
    "1 M": {"gpt2": gpt2(**SMALL), "llama": llama(**SMALL, n_kv_heads=2, d_hidden=304, head="tied")},
    "10 M": {"gpt2": gpt2(**LARGE), "llama": llama(**LARGE, n_kv_heads=5, d_hidden=864, head="tied")},
}
GOALS = {"1 M": "≤ 0.42", "10 M": "≤ 0.62"}
"""Beside transformers, by parameters, for one row and for a batch; elsewhere we want to be no slower."""

Writer = Callable[[torch.Tensor, int], list[list[int]]]
"""Writes so many tokens on from the rows of a tensor."""


def own_writer(model: Transformer) -> Writer:
    """Write with our model."""
    return lambda ids, count: generate(model, ids.tolist(), max_new_tokens=count)


def library_writer(loaded: Loaded) -> Writer:
    """Write with the same model in transformers."""
    with TemporaryDirectory() as folder:
        save_folder(loaded, folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None

    def write(ids: torch.Tensor, count: int) -> list[list[int]]:
        mask = torch.ones_like(ids)
        texts = model.generate(ids, attention_mask=mask, max_new_tokens=count, do_sample=False, pad_token_id=0)
        return texts[:, ids.shape[1] :].tolist()

    return write


def book_writer(model: Transformer) -> Writer:
    """Write with the same Llama in llms-from-scratch."""
    config = model.config
    twin = Llama3Model(
        {
            "vocab_size": config.vocab_size,
            "context_length": config.context_length,
            "emb_dim": config.d_model,
            "n_heads": config.attention.n_heads,
            "n_layers": config.n_layers,
            "hidden_dim": config.feedforward.d_hidden,
            "n_kv_groups": config.attention.n_kv_heads,
            "rope_base": config.positions.base,
            "rope_freq": None,
            "dtype": torch.float32,
        }
    )
    with torch.no_grad():
        twin.tok_emb.weight.copy_(model.embedding.tokens.weight)
        twin.out_head.weight.copy_(model.embedding.tokens.weight)
        twin.final_norm.weight.copy_(model.final_norm.scale)
        for theirs, ours in zip(twin.trf_blocks, model.blocks, strict=True):
            shared = config.attention.n_kv_heads * config.attention.d_head
            queries, keys, values = ours.attention.qkv.weight.split([config.d_model, shared, shared])
            gate, up = ours.feedforward.gate_up.weight.chunk(2)
            pairs = {
                theirs.att.W_query: queries,
                theirs.att.W_key: keys,
                theirs.att.W_value: values,
                theirs.att.out_proj: ours.attention.output.weight,
                theirs.ff.fc1: gate,
                theirs.ff.fc2: up,
                theirs.ff.fc3: ours.feedforward.down.weight,
                theirs.norm1: ours.attention_norm.scale,
                theirs.norm2: ours.feedforward_norm.scale,
            }
            for module, weight in pairs.items():
                module.weight.copy_(weight)
    return lambda ids, count: generate_text_simple(twin, ids, count)[:, ids.shape[1] :].tolist()


def goal_of(size: str, peer_name: str) -> str:
    """Say what the ratio should be, for a number of parameters and a peer."""
    return GOALS.get(size, "≤ 1.0") if peer_name == "transformers" else "≤ 1.0"


def bare_products(model: Transformer, ids: torch.Tensor, count: int) -> Callable[[], None]:
    """Return what makes the products of one generation, and nothing else: the prompt at once, then token by token."""
    prompt, token = Products(model, ids.numel()), Products(model, len(ids))
    prompt.pairs.pop()  # the output matrix, which a prompt needs at its last position only

    def multiply() -> None:
        with torch.no_grad():
            prompt.forward()
            for _ in range(count - 1):
                token.forward()

    return multiply


def row(  # noqa: PLR0917
    work: str, peer_name: str, model: Transformer, peer: Writer, ids: torch.Tensor, goal: str, count: int, rounds: int
) -> Row:
    """Compare our model with a peer that writes the same."""
    own, products = own_writer(model), bare_products(model, ids, count)
    assert own(ids, 8) == peer(ids, 8), f"{peer_name} writes something else; its times would mean nothing"
    products()
    return compare(
        f"{work}, batch of {len(ids)}",
        peer_name,
        "s",
        lambda: seconds(lambda: own(ids, count), time.process_time),
        lambda: seconds(lambda: peer(ids, count), time.process_time),
        goal,
        rounds,
        lambda: seconds(products, time.process_time),
    )


def rows_of_small_models(rounds: int, count: int) -> dict[str, Row]:
    """Compare models with weights drawn by chance."""
    rows = {}
    for size, configs in CONFIGS.items():
        for architecture, config in configs.items():
            model = Transformer(config)
            initialize(model, torch.Generator().manual_seed(0))
            peers = {"transformers": library_writer(Loaded(model))}
            if architecture == "llama":
                peers["llms-from-scratch"] = book_writer(model)
            for batch in (1, 16):
                ids = torch.randint(VOCAB_SIZE, (batch, PROMPT_TOKENS), generator=torch.Generator().manual_seed(1))
                for name, peer in peers.items():
                    key = f"{architecture}-{size.replace(' ', '').lower()}-batch-{batch}-{name}"
                    work = f"{architecture}, {size} parameters"
                    rows[key] = row(work, name, model, peer, ids, goal_of(size, name), count, rounds)
    return rows


def row_of_smollm2(rounds: int, count: int) -> Row:
    """Compare a published model of 135 M parameters."""
    loaded = published.smollm2()
    assert loaded.tokenizer is not None
    text = Path(__file__).read_text("utf-8")
    ids = torch.tensor([loaded.tokenizer.encode_ids(text)[:PROMPT_TOKENS]])
    peer, count = library_writer(Loaded(loaded.model)), min(count, SMOLLM2_TOKENS)
    goal = goal_of("135 M", "transformers")
    return row("SmolLM2, 135 M parameters", "transformers", loaded.model, peer, ids, goal, count, rounds)


def main() -> None:
    """Run every comparison, print the table and record it."""
    parser = argparse.ArgumentParser(description="Time generation beside its peers.")
    parser.add_argument("--rounds", type=int, default=7, help="how often each comparison is made (default: 7)")
    parser.add_argument("--tokens", type=int, default=NEW_TOKENS, help="how many tokens to write (default: 256)")
    parser.add_argument("--no-record", action="store_true", help="only print the table")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    started, load = time.perf_counter(), os.getloadavg()[0]
    rows = rows_of_small_models(arguments.rounds, arguments.tokens)
    rows["smollm2-batch-1-transformers"] = row_of_smollm2(arguments.rounds, arguments.tokens)
    metrics = report(rows)
    if not arguments.no_record:
        record_benchmark(
            "bench-generation",
            "Speed of generation beside its peers",
            metrics,
            rounds=arguments.rounds,
            packages=("torch", "transformers", "llms-from-scratch"),
            sources=fingerprint("bench_generation"),
            started=started,
            load=load,
            config={"prompt": PROMPT_TOKENS, "tokens": arguments.tokens, "vocab_size": VOCAB_SIZE, "threads": 1},
        )


if __name__ == "__main__":
    main()
