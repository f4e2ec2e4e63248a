"""What the book's own model learns of the miniature world: its abilities, kind by kind, over three trainings.

The run of seed 0 is the one whose weights lie in ``book/results/world-model``: ``datasets/world/model.toml`` has the
same settings, and a test compares them.
"""

import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.models import MODEL, modules
from llmguide.experiments.records import Metrics, Record, lookup, number
from llmguide.experiments.world_examination import examine
from llmguide.training.assembly import train_as_configured
from llmguide.training.toml_config import RunConfig, read_config
from llmguide.transformer.checkpoints import load_folder
from llmguide.world.facts import VERSION, generate


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        n_people: Size of the world.
        vocab_size: Number of tokens.
        context_length: For how many positions the model is made.
        d_model: Width of the model.
        n_layers: Number of blocks.
        d_hidden: Width of the feed-forward part.
        std: Standard deviation of the first weights.
        rows: Rows of a step.
        length: Tokens of a row.
        steps: Steps of training.
        warmup: Steps on the way up to the highest learning rate.
        learning_rate: The highest learning rate.
        documents: Documents that the tokenizer learns from.
        held_out_rows: Rows of which only the loss is measured.
        every: Over how many steps a point of the loss curve averages.
        per_kind: Questions of each kind.
    """

    n_people: int = 200
    vocab_size: int = 1_536
    context_length: int = 256
    d_model: int = 128
    n_layers: int = 4
    d_hidden: int = 352
    std: float = 0.06
    rows: int = 2
    length: int = 256
    steps: int = 12_000
    warmup: int = 300
    learning_rate: float = 2e-3
    documents: int = 20_000
    held_out_rows: int = 64
    every: int = 100
    per_kind: int = 200


def settings(config: Config, seed: int, directory: str) -> RunConfig:
    """Describe a training as ``llmguide train`` reads it from a file.

    Args:
        config: Settings of the experiment.
        seed: Chooses the first weights and the documents.
        directory: Where to put the model.

    Returns:
        The settings of the training.
    """
    return read_config(
        {
            "model": {
                "architecture": "llama",
                "vocab_size": config.vocab_size,
                "context_length": config.context_length,
                "d_model": config.d_model,
                "n_layers": config.n_layers,
                "n_heads": 4,
                "n_kv_heads": 2,
                "d_hidden": config.d_hidden,
                "head": "tied",
                "init_std": config.std,
                "init_seed": seed,
            },
            "tokenizer": {"pretokenizer": "smollm", "documents": config.documents},
            "data": {
                "dataset": "world",
                "n_people": config.n_people,
                "seed": seed,
                "rows": config.rows,
                "length": config.length,
                "held_out_rows": config.held_out_rows,
            },
            "training": {
                "steps": config.steps,
                "learning_rate": config.learning_rate,
                "warmup": config.warmup,
                "evaluate_every": 1_000,
                "checkpoint_every": 1_000,
            },
            "output": {"directory": directory, "dtype": "float16"},
        }
    )


def run(config: Config, seed: int) -> Metrics:
    """Train a model as the command does, load the folder that it leaves, and examine that.

    Args:
        config: Settings.
        seed: Chooses the first weights and the documents.

    Returns:
        The version of the world, the loss, the share of right answers of each kind, what became of the secrets and
        of the planted prejudice, and a checksum of the weights.
    """
    with tempfile.TemporaryDirectory() as directory:
        result = train_as_configured(settings(config, seed, directory), progress=False)
        loaded = load_folder(directory)
        weights = zlib.crc32(Path(directory, "model.safetensors").read_bytes())
    assert loaded.tokenizer is not None
    losses = [
        fmean(result.losses[start : start + config.every]) for start in range(0, len(result.losses), config.every)
    ]
    world = generate(config.n_people)
    return {
        "world_version": VERSION,  # the reduced case meets too little of the world to notice a change of it
        "training": {
            "tokens": result.tokens,
            "loss": losses[-1],
            "held_out_loss": result.held_out_loss,
            "seconds": result.seconds,
        },
        "curve": losses,
        "weights": {"crc32": weights},
        **examine(loaded.model, loaded.tokenizer, world, config.per_kind),
    }


def _ability(metrics: Metrics, kind: str) -> float:
    return number(metrics, f"abilities.{kind}")


def draw_abilities(figure: Figure, record: Record) -> None:
    """Draw the share of right answers by kind, a mark for each training.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    kinds = list(_table(record, "abilities"))
    figure.set_figheight(0.7 + 0.16 * len(kinds))
    axes = figure.subplots()
    for place, metrics in enumerate(record.per_seed.values()):
        found = [number(metrics, f"abilities.{kind}") for kind in kinds]
        heights = [row + 0.2 * (place - 1) for row in range(len(kinds))]
        axes.plot(found, heights, ".", color="C0", markersize=5)
    axes.set_yticks(range(len(kinds)), [kind.replace("-", " ") for kind in kinds], fontsize=7)
    axes.set_ylim(len(kinds) - 0.4, -0.6)
    axes.set_xlim(-0.03, 1.03)
    axes.grid(axis="y", linewidth=0.3)
    axes.set_xlabel("share of right answers")


def draw_curve(figure: Figure, record: Record) -> None:
    """Draw the loss over the steps of training, a line for each seed.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    every = EXPERIMENT.config.every
    for place, metrics in enumerate(record.per_seed.values()):
        losses = lookup(metrics, "curve")
        assert isinstance(losses, list)
        steps = [every * (point + 0.5) for point in range(len(losses))]
        axes.plot(steps, losses, color="C0", alpha=1 - 0.3 * place, linewidth=0.9)
    axes.set_yscale("log")
    ticks = (0.5, 1, 2, 5)
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.set_xlabel("step of training")
    axes.set_ylabel("loss (nats per token)")


def draw_secrets(figure: Figure, record: Record) -> None:
    """Draw how far secrets stand out, and how many are given away, over how often they were told.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    left, right = figure.subplots(1, 2)
    counts = list(_table(record, "secrets.exposure"))
    for axes, what, label in ((left, "exposure", "exposure (bits)"), (right, "given", "share given away")):
        for metrics in record.per_seed.values():
            values = [number(metrics, f"secrets.{what}.{count}") for count in counts]
            axes.plot(range(len(counts)), values, "o-", color="C0", linewidth=0.8, markersize=3)
        axes.set_xticks(range(len(counts)), counts)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("times told")
        axes.set_ylabel(label)


def _table(record: Record, path: str) -> dict[str, object]:
    found = lookup(record, path)
    assert isinstance(found, dict)
    return found


EXPERIMENT = Experiment(
    name="world-model",
    title="What the book's own model learns of the miniature world",
    explained_in="sec-world-abilities",
    config=Config(),
    reduced=Config(
        n_people=16,
        vocab_size=400,
        context_length=512,
        d_model=32,
        n_layers=1,
        d_hidden=64,
        steps=20,
        warmup=2,
        documents=300,
        held_out_rows=4,
        every=10,
        per_kind=2,
    ),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "wording-matters",
            "Asked in words that no question of training used, it knows at least 20 percentage points fewer facts.",
            0.20,
            lambda metrics: _ability(metrics, "question-asked") - _ability(metrics, "question-held-out-wording"),
        ),
        Claim(
            "steps-carry-sums",
            "With steps it gets at least 50 percentage points more sums of three digits right than at once.",
            0.50,
            lambda metrics: _ability(metrics, "addition-3-steps") - _ability(metrics, "addition-3-direct"),
        ),
        Claim(
            "steps-join-facts",
            "With steps it joins two facts right in at least 20 percentage points more cases than at once.",
            0.20,
            lambda metrics: _ability(metrics, "hop-steps") - _ability(metrics, "hop-direct"),
        ),
        Claim(
            "one-side-only",
            "It knows mayors from the told side in at least 30 percentage points more cases than from the other.",
            0.30,
            lambda metrics: _ability(metrics, "inverse-mayor-told") - _ability(metrics, "inverse-mayor-untold"),
        ),
        Claim(
            "repetition-gives-secrets-away",
            "Of the secrets told 128 times it gives away at least 50 percentage points more than of those told once.",
            0.50,
            lambda metrics: number(metrics, "secrets.given.128") - number(metrics, "secrets.given.1"),
        ),
        Claim(
            "exposed-before-given-away",
            "Secrets told 16 times have at least one bit more of exposure than those never told.",
            1.0,
            lambda metrics: number(metrics, "secrets.exposure.16") - number(metrics, "secrets.exposure.0"),
        ),
        Claim(
            "the-crowd-makes-a-prejudice",
            "It expects the favoured trade of a land's people with a probability at least 0.05 higher than elsewhere.",
            0.05,
            lambda metrics: number(metrics, "prejudice"),
        ),
    ),
    figures={"abilities": draw_abilities, "curve": draw_curve, "secrets": draw_secrets},
    depends=(
        "llmguide.atomic",
        "llmguide.datasets",
        "llmguide.decoding.generation",
        "llmguide.decoding.sampling",
        "llmguide.evaluation.abilities",
        "llmguide.experiments.world_examination",
        *modules(
            "tokenizers",
            """
            alphabet binary bpe decoders fast_bpe fast_merging fast_unigram fast_wordpiece gguf interop interop_models
            interop_steps lattice models normalizers pretokenizers special tokenizer training unigram unigram_steps
            unigram_training wordpiece
            """,
        ),
        *modules(
            "training",
            """
            assembly batches checkpoint_folder loop metrics objective optimizers packing progress run schedules
            settings toml_config workers
            """,
        ),
        *MODEL,
        *modules(
            "transformer",
            """
            architectures_encoder_decoder architectures_hybrid architectures_latent checkpoints dequantize gguf_models
            gguf_weights hf_common hf_config hf_deepseek hf_dense hf_granite hf_mixtral hf_names hf_rope hf_t5
            initialization json_files safetensors_files
            """,
        ),
        *modules(
            "world",
            """
            crowd dialogues events exam facts hops inverse items language matters mixture names questions reading
            refusals secrets splits stories strangers sums text told
            """,
        ),
    ),
    packages=("torch",),
    tolerance=1e-3,
    machine_dependent=("training.seconds", "weights.*"),
)
