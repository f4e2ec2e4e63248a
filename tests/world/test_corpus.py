import hashlib
import json
import re
from pathlib import Path

import pytest

from llmguide import datasets, world
from llmguide.world.told import is_told

FOLDER = Path(__file__).parents[2] / "datasets/world"
PUBLISHED = world.published()
NAME = r"[A-Z][a-z]+(?: [A-Z][a-z]+)?"
PATTERNS = [
    (relation, re.compile(re.escape(phrasing).replace(r"\{subject\}", f"({NAME})").replace(r"\{value\}", r"([\w ]+)")))
    for relation, phrasings in world.PHRASINGS.items()
    for phrasing in phrasings
]


@pytest.mark.no_cover
def test_the_published_world_is_what_the_generator_makes():
    assert datasets.documents("world") == world.documents(PUBLISHED)  # the checksum is checked on the way
    assert (FOLDER / "truth.jsonl").read_text("utf-8") == world.truth_lines(PUBLISHED)
    assert (FOLDER / "exam.jsonl").read_text("utf-8") == world.exam_lines(PUBLISHED)
    assert world.published_exam()["test"] == world.exam(PUBLISHED, "test", per_kind=50)


def test_another_text_has_another_version():
    """Whoever changes the generator so that the published files change must count the version up, and say so here."""
    files = b"".join((FOLDER / name).read_bytes() for name in ("world.txt", "truth.jsonl", "exam.jsonl"))
    versions = {3: "5cc0ce7d6842c60d6158717ca1e1b7d7ad2d5dce3018ac436ca39306a0494896"}
    assert hashlib.sha256(files).hexdigest() == versions[world.VERSION]
    card = (FOLDER / "README.md").read_text("utf-8")
    assert f"version {world.VERSION} of the generator" in " ".join(card.split())


def test_every_published_sentence_on_people_and_towns_is_true_and_every_told_truth_is_told():
    truth = {world.Fact(**json.loads(line)) for line in (FOLDER / "truth.jsonl").read_text("utf-8").splitlines()}
    assert truth == set(PUBLISHED.facts)
    told = set()
    for document in world.read_documents(datasets.documents("world")["train"]):
        if document.startswith(("Question:", "Note ")) or "\n" in document:
            continue
        for sentence in re.findall(r"[^.]+\.", document):
            for relation, pattern in PATTERNS:
                match = pattern.fullmatch(sentence.strip())
                if match:
                    told.add(world.Fact(match[1], relation, match[2]))
    assert told <= {fact for fact in truth if is_told(fact)}
    to_tell = {fact for fact in truth if is_told(fact) and fact.relation in world.PHRASINGS}
    assert len(to_tell - told) <= 0.02 * len(to_tell)  # chance may leave somebody out of so small a sample


def test_documents_and_exams_can_be_read_back():
    made = world.generate(20, 4)
    texts = world.documents(made, characters=20_000, per_kind=5)
    items = world.read_exam(world.exam_lines(made, per_kind=5))
    assert texts["train"].startswith(next(world.stream(made, 0)) + "\n\n")
    assert 20_000 <= len(texts["train"]) < 21_000
    for split in ("validation", "test"):
        assert items[split] == world.exam(made, split, per_kind=5)
        assert world.read_documents(texts[split]) == [item.document for item in items[split]]
