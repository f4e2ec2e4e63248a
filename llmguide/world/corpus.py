"""The world as files: a sample of the training text, the exam, and what is true."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from llmguide import datasets
from llmguide.world.exam import exam
from llmguide.world.facts import World
from llmguide.world.items import Item
from llmguide.world.mixture import stream
from llmguide.world.splits import SPLITS

CHARACTERS = 800_000
"""Size of the sample of the training text."""

PER_KIND = 50
"""Items of each kind in the published exam."""

SEED = 0
"""The seed of the published sample."""


def documents(world: World, characters: int = CHARACTERS, per_kind: int = PER_KIND) -> dict[str, str]:
    """Write a world down.

    Args:
        world: What is true.
        characters: About how much training text.
        per_kind: How many items of each kind there are in the other splits.

    Returns:
        The text of each split. An empty line follows every document, since some have several lines. ``train`` is the
        beginning of the :func:`~llmguide.world.mixture.stream`; the others are the exam with the right answers.
    """
    texts = {"train": _lines(_first(stream(world, SEED), characters))}
    for split in SPLITS[1:]:
        texts[split] = _lines(item.document for item in exam(world, split, per_kind=per_kind))
    return texts


def read_documents(text: str) -> list[str]:
    """Take a text of :func:`documents` apart.

    Args:
        text: Of one split.

    Returns:
        The documents.
    """
    return text.split("\n\n")[:-1]


def exam_lines(world: World, per_kind: int = PER_KIND) -> str:
    """Write the exam down, for programs.

    Args:
        world: What is true.
        per_kind: How many items of each kind.

    Returns:
        JSON lines: one object with ``split, kind, prompt, answer, key`` for each item for validation or the test.
    """
    return "".join(
        json.dumps({"split": split} | asdict(item)) + "\n"
        for split in SPLITS[1:]
        for item in exam(world, split, per_kind=per_kind)
    )


def read_exam(lines: str) -> dict[str, list[Item]]:
    """Read what :func:`exam_lines` wrote.

    Args:
        lines: JSON lines.

    Returns:
        The items of each split.
    """
    items: dict[str, list[Item]] = {split: [] for split in SPLITS[1:]}
    for line in lines.splitlines():
        entry = json.loads(line)
        items[entry.pop("split")].append(Item(**entry))
    return items


def published_exam(directory: Path | str | None = None) -> dict[str, list[Item]]:
    """Load the exam that lies in ``datasets/world``; its text is loaded by :func:`llmguide.datasets.documents`.

    Args:
        directory: See :func:`llmguide.datasets.datasets_directory`.

    Returns:
        The items for ``validation`` and ``test``.

    Raises:
        FileNotFoundError: If the corpora are not here.
        ValueError: If the file was changed.
    """
    return read_exam(datasets.find("world", directory).text_beside("exam.jsonl"))


def truth_lines(world: World) -> str:
    """Write down what is true, for programs.

    Args:
        world: What is true.

    Returns:
        JSON lines: one object with ``subject, relation, value`` for each fact.
    """
    return "".join(json.dumps(asdict(fact)) + "\n" for fact in world.facts)


def _first(documents: Iterator[str], characters: int) -> Iterator[str]:
    written = 0
    while written < characters:
        document = next(documents)
        written += len(document) + 2
        yield document


def _lines(documents: Iterable[str]) -> str:
    return "".join(f"{document}\n\n" for document in documents)
