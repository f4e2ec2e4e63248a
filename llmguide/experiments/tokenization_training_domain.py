"""What it costs to tokenize a kind of text that the tokenizer was not trained on.

Three tokenizers learn from equally much text: English, Python, or half of each. Each is then measured on held-out text
of both kinds. The English one, one trained on messages in fifteen languages and one trained on the English messages
alone are measured on held-out messages that say the same in each of those languages.
"""

from dataclasses import dataclass

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.held_out import (
    TOKENIZERS,
    bytes_per_token,
    count_tokens,
    first_lines,
    hold_out_documents,
    hold_out_lines,
)
from llmguide.experiments.records import Metrics, Record, number
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.tokenizers.training import train_tokenizer

LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "fi": "Finnish",
    "tr": "Turkish",
    "el": "Greek",
    "ru": "Russian",
    "ar": "Arabic",
    "he": "Hebrew",
    "hi": "Hindi",
    "th": "Thai",
    "zh-Hans": "Chinese",
    "ja": "Japanese",
    "ko": "Korean",
}


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        vocab_size: Size of every vocabulary.
        characters: How much text the English, the Python and the mixed tokenizer are trained on.
        held_out: The part of each corpus to measure on.
        lines: How many lines of each document to use; ``None`` for all.
    """

    vocab_size: int = 4096
    characters: int = 380_000
    held_out: float = 0.2
    lines: int | None = None


def run(config: Config, seed: int) -> Metrics:
    """Train the tokenizers and measure each on each kind of text.

    Args:
        config: Settings.
        seed: Chooses what is held out.

    Returns:
        ``bytes_per_token`` by what the tokenizer was trained on, then by what it is measured on; ``price``, likewise:
        how many more tokens that is than with the tokenizer of the text's own kind, as a part of those;
        ``recovered``, by text: the part of the price of the wrong kind that the mixture saves. ``languages``, by what
        the tokenizer was trained on, then by language: the tokens that the held-out messages take for each token that
        they take in English; ``vocabulary`` and ``bytes_per_token_of_messages``, likewise: the tokens that training
        made, and the bytes per token of the English messages.

    Raises:
        ValueError: If a corpus, less what is held out, has fewer characters than the tokenizers are to be trained on.
    """
    splits = {}
    for name, corpus in (("english", "shakespeare"), ("python", "python")):
        documents = {title: first_lines(text, config.lines) for title, text in datasets.documents(corpus).items()}
        train, held_out = hold_out_documents(documents, config.held_out, seed)
        splits[name] = "".join(train), held_out
    whole, half = config.characters, config.characters // 2
    for name, (text, _) in splits.items():
        if len(text) < whole:
            raise ValueError(
                f"{name} has {len(text):,} characters left to train on and {whole:,} were asked for; lower `characters`"
            )
    texts = {name: [text[:whole]] for name, (text, _) in splits.items()}
    texts["both"] = [text[:half] for text, _ in splits.values()]
    tokenizers = {name: train_tokenizer(text, config.vocab_size) for name, text in texts.items()}

    compression = {
        trained: {name: bytes_per_token(tokenizer, held_out) for name, (_, held_out) in splits.items()}
        for trained, tokenizer in tokenizers.items()
    }
    price = {
        trained: {text: compression[text][text] / measured - 1 for text, measured in by_text.items()}
        for trained, by_text in compression.items()
    }

    messages = datasets.documents("messages")
    train, held_out = hold_out_lines(messages, config.held_out, seed)
    said = dict(zip(messages, held_out, strict=True))
    english_messages = train[list(messages).index("en")]
    readers = {
        "english": tokenizers["english"],
        "english-messages": train_tokenizer([english_messages], config.vocab_size),
        "fifteen": train_tokenizer(train, config.vocab_size),
    }
    return {
        "bytes_per_token": compression,
        "price": price,
        "recovered": {
            text: 1 - price["both"][text] / price[other][text]
            for text, other in (("python", "english"), ("english", "python"))
        },
        "languages": {name: relative_lengths(tokenizer, said) for name, tokenizer in readers.items()},
        "vocabulary": {name: tokenizer.vocab_size for name, tokenizer in readers.items()},
        "bytes_per_token_of_messages": {
            name: bytes_per_token(tokenizer, [said["en"]]) for name, tokenizer in readers.items()
        },
    }


def relative_lengths(tokenizer: Tokenizer, said: dict[str, str]) -> dict[str, float]:
    """Compare how many tokens it takes to say the same in several languages.

    Args:
        tokenizer: Any tokenizer.
        said: The same messages by language, among them ``en``.

    Returns:
        Tokens for each token of the English ones, by language.
    """
    counts = {language: count_tokens(tokenizer, [text]) for language, text in said.items()}
    return {language: count / counts["en"] for language, count in counts.items()}


def _least_of_other_scripts(metrics: Metrics) -> float:
    return min(number(metrics, f"languages.english.{language}") for language in ("el", "ru", "ar", "he", "hi", "th"))


def _evened(metrics: Metrics) -> float:
    """Give by how much training on all languages shrinks the longest of them, relative to English."""
    longest = (
        max(number(metrics, f"languages.{trained}.{language}") for language in LANGUAGES)
        for trained in ("english", "fifteen")
    )
    return next(longest) / next(longest)


def draw_price(figure: Figure, record: Record) -> None:
    """Draw how many more tokens each text takes with each tokenizer.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    rows = {"python": "trained on Python", "both": "trained on both", "english": "trained on English"}
    for index, text in enumerate(("english", "python")):
        prices = [100 * number(record, f"price.{trained}.{text}") for trained in rows]
        offset = 0.18 - 0.36 * index
        places = [position + offset for position in range(len(rows))]
        axes.barh(places, prices, height=0.3, color=f"C{index}")
        for place, price in zip(places, prices, strict=True):
            label = f"{text.capitalize()} {price:+.0f} %" if price else f"{text.capitalize()}, its own"
            axes.annotate(label, (price, place), (4, 0), textcoords="offset points", va="center", color=f"C{index}")
    axes.set_yticks(range(len(rows)), list(rows.values()))
    axes.grid(visible=False)
    axes.set_xlim(0, 1.35 * axes.get_xlim()[1])
    axes.set_xlabel("more tokens than with the text's own tokenizer (%)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def draw_languages(figure: Figure, record: Record) -> None:
    """Draw, for each language, the tokens that a message takes for each token in English.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    ordered = sorted(LANGUAGES, key=lambda language: number(record, f"languages.english.{language}"))
    labels = {"fifteen": ("trained on 15 languages", "left", -8), "english": ("trained on English", "right", 5)}
    for index, (trained, (label, side, shift)) in enumerate(labels.items()):
        values = [number(record, f"languages.{trained}.{language}") for language in ordered]
        axes.plot(values, range(len(ordered)), color=f"C{index}", marker="os"[index], markersize=4, linestyle="none")
        top = (values[-1], len(ordered) - 1)
        axes.annotate(label, top, (shift, 9), textcoords="offset points", ha=side, color=f"C{index}")
    axes.plot([1, 1], [-0.7, len(ordered) - 0.5], linewidth=0.8, color=axes.spines["bottom"].get_edgecolor(), zorder=0)
    axes.set_yticks(range(len(ordered)), [LANGUAGES[language] for language in ordered])
    axes.set_ylim(-0.7, len(ordered) + 0.2)
    axes.set_xlim(left=0)
    axes.set_xlabel("tokens for each token of the English message")
    axes.grid(axis="y", linewidth=0.5, alpha=0.4)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


EXPERIMENT = Experiment(
    name="tokenization-training-domain",
    title="The price of text that the tokenizer was not trained on",
    explained_in="sec-training-domain",
    config=Config(),
    reduced=Config(vocab_size=1024, characters=50_000, lines=300),
    run=run,
    seeds=(0, 1, 2, 3, 4),
    claims=(
        Claim(
            "python-pays",
            "Held-out Python takes at least 30 % more tokens with a tokenizer trained on English than with one trained "
            "on as much Python.",
            0.30,
            lambda metrics: number(metrics, "price.english.python"),
        ),
        Claim(
            "english-pays",
            "Held-out English takes at least 20 % more tokens with a tokenizer trained on Python than with one trained "
            "on as much English.",
            0.20,
            lambda metrics: number(metrics, "price.python.english"),
        ),
        Claim(
            "mixture-recovers-half",
            "A tokenizer trained on half of each avoids at least half of these additional tokens, on both kinds of "
            "text.",
            0.5,
            lambda metrics: min(number(metrics, f"recovered.{text}") for text in ("english", "python")),
        ),
        Claim(
            "other-scripts-pay",
            "With a tokenizer trained on English, the same messages take at least twice as many tokens in Greek, "
            "Russian, Arabic, Hebrew, Hindi and Thai as in English.",
            2.0,
            _least_of_other_scripts,
        ),
        Claim(
            "training-on-languages-evens",
            "The most expensive language costs, relative to English, at least one and a half times as much with the "
            "tokenizer trained on English as with one trained on all fifteen languages.",
            1.5,
            _evened,
        ),
    ),
    figures={"price": draw_price, "languages": draw_languages},
    depends=("llmguide.datasets", *TOKENIZERS),
    datasets=("shakespeare", "python", "messages"),
    packages=("regex",),
)
