"""A second language, invented and without exceptions: who has learnt its words and its order can say anything in it.

Zogapi has no text but ours, so whatever a model knows of it, it has learnt here. A sentence is subject, object, verb;
in a noun phrase the adjective follows the noun, and the article closes it: *the big dog sees a red boat* is
*dog big the boat red a sees*.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from llmguide.world.facts import World
from llmguide.world.items import Item
from llmguide.world.splits import split_of

NAME = "Zogapi"
"""What the language is called."""

NOUNS = {
    "dog": "gizo",
    "cat": "pozu",
    "horse": "kuga",
    "bird": "zipo",
    "fish": "gopu",
    "boat": "kazu",
    "house": "puzo",
    "tree": "zagu",
    "child": "pigu",
    "sailor": "gazi",
    "miller": "kuzo",
    "baker": "poga",
    "king": "zigu",
    "queen": "gupo",
    "stone": "kipu",
    "letter": "zoga",
    "lamp": "pazi",
    "cart": "guza",
    "bridge": "kogu",
    "garden": "zuko",
}
"""The nouns, English and Zogapi: two syllables each, of sounds that no name in the world has."""

ADJECTIVES = {
    "big": "guzi",
    "small": "piko",
    "red": "zaki",
    "blue": "gozi",
    "green": "kupi",
    "young": "pugo",
    "tired": "kiga",
    "happy": "zuga",
    "quiet": "pazo",
    "brave": "gaku",
    "poor": "zipu",
    "rich": "goki",
}
"""The adjectives; none begins with a vowel, so the article is never *an*."""

VERBS = {
    "sees": "pagu",
    "hears": "gozu",
    "finds": "kiza",
    "helps": "zupi",
    "follows": "guki",
    "carries": "pizu",
    "loves": "zapu",
    "paints": "gika",
    "washes": "pogi",
    "forgets": "zogi",
}
"""The verbs, all in the one form that they have."""

ARTICLES = {"the": "ga", "a": "zo"}
"""The articles, the only words of one syllable."""

EXAM_SIZE = 200
"""Sentences in the exam of each split; as many again that combine words in a new way."""


@dataclass(frozen=True)
class NounPhrase:
    """A thing, perhaps with a quality.

    Attributes:
        article: An English article.
        adjective: An English adjective, or nothing.
        noun: An English noun.
    """

    article: str
    adjective: str
    noun: str

    @property
    def english(self) -> str:
        """Article, adjective, noun."""
        return f"{self.article} {self.pair or self.noun}"

    @property
    def zogapi(self) -> str:
        """Noun, adjective, article."""
        words = (NOUNS[self.noun], ADJECTIVES.get(self.adjective, ""), ARTICLES[self.article])
        return " ".join(word for word in words if word)

    @property
    def pair(self) -> str:
        """The adjective with its noun: what the second split holds out. Empty if there is no adjective."""
        return f"{self.adjective} {self.noun}" if self.adjective else ""


@dataclass(frozen=True)
class Sentence:
    """Somebody does something to somebody.

    Attributes:
        subject: Who.
        verb: Does what, in English.
        object: To whom.

    Example:
        >>> dog, boat = NounPhrase("the", "big", "dog"), NounPhrase("a", "red", "boat")
        >>> Sentence(dog, "sees", boat).english, Sentence(dog, "sees", boat).zogapi
        ('The big dog sees a red boat.', 'gizo guzi ga kazu zaki zo pagu.')
    """

    subject: NounPhrase
    verb: str
    object: NounPhrase

    @property
    def english(self) -> str:
        """The sentence in English."""
        words = f"{self.subject.english} {self.verb} {self.object.english}."
        return words[0].upper() + words[1:]

    @property
    def zogapi(self) -> str:
        """The sentence in Zogapi, which has no capitals."""
        return f"{self.subject.zogapi} {self.object.zogapi} {VERBS[self.verb]}."

    @property
    def key(self) -> str:
        """What is held out as a whole: the sentence, whatever its articles."""
        return " ".join((self.subject.pair or self.subject.noun, self.verb, self.object.pair or self.object.noun))


def novelty(sentence: Sentence) -> set[str]:
    """Find the splits other than training that the pairs of adjective and noun in a sentence belong to.

    Args:
        sentence: The sentence.

    Returns:
        None, one or two of ``validation``, ``test``.
    """
    pairs = filter(None, (sentence.subject.pair, sentence.object.pair))
    return {split_of(pair) for pair in pairs} - {"train"}


def items(sentence: Sentence, suffix: str = "") -> tuple[Item, Item]:
    """Ask for the translation of a sentence both ways.

    Args:
        sentence: What to translate.
        suffix: What to add to the kinds ``translation-into`` and ``translation-from``.

    Returns:
        The question into Zogapi and the question from Zogapi.
    """
    return (
        _item(f"translation-into{suffix}", sentence.english, NAME, sentence.zogapi, sentence.key),
        _item(f"translation-from{suffix}", sentence.zogapi, "English", sentence.english, sentence.key),
    )


def exam(world: World, split: str) -> list[Item]:
    """Ask for translations of one split; the same in every world.

    Args:
        world: The world; the language is spoken in all of them.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Questions of the kinds ``translation-into`` and ``translation-from``, whose words have all met in training, but
        never in this sentence; and, where the split is held out, ``translation-into-pairs`` and
        ``translation-from-pairs``, in which an adjective stands with a noun that it never stood with in training.
    """
    asked: list[Item] = []
    for suffix in ("",) if split == "train" else ("", "-pairs"):
        drawn: dict[str, Sentence] = {}
        sentences = _sentences(split, {split} if suffix else set(), Random(split + suffix))
        while len(drawn) < EXAM_SIZE:
            sentence = next(sentences)
            drawn.setdefault(sentence.key, sentence)
        asked.extend(item for sentence in drawn.values() for item in items(sentence, suffix))
    return asked


def training(world: World, random: Random) -> str:
    """Translate a sentence of the training split.

    Args:
        world: The world; the language is spoken in all of them.
        random: Source of chance.

    Returns:
        A question with its answer, into or from Zogapi.
    """
    return random.choice(items(next(_sentences("train", set(), random)))).document


def _sentences(split: str, new: set[str], random: Random) -> Iterator[Sentence]:
    """Draw sentences of a split whose new pairs are of the given splits."""
    while True:
        one, other = random.sample(list(NOUNS), 2)
        sentence = Sentence(_phrase(one, random), random.choice(list(VERBS)), _phrase(other, random))
        if split_of(sentence.key) == split and novelty(sentence) == new:
            yield sentence


def _phrase(noun: str, random: Random) -> NounPhrase:
    """Put an article, and every other time an adjective, to a noun."""
    adjective = random.choice(list(ADJECTIVES)) if random.random() < 0.5 else ""
    return NounPhrase(random.choice(list(ARTICLES)), adjective, noun)


def _item(kind: str, source: str, language: str, target: str, key: str) -> Item:
    return Item(kind, f'Question: What is "{source.removesuffix(".")}" in {language}? Answer:', f" {target}", key)
