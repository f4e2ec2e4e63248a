"""Dialogues: two people meet, one is on an errand, they tell each other what is true of a third.

The speakers are called by the given names that people of the world have, never ``User`` and ``Assistant``: a model that
has read only this can talk, but has still to learn whom it is talking for. What they tell of others is true in the
world and said in words that belong to training. The errand is true in its dialogue only, so that what was said in one
turn can be asked for in a later one, and nowhere else be known from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random

from llmguide.world.facts import World
from llmguide.world.items import Item
from llmguide.world.splits import split_of
from llmguide.world.text import sentences

GOODS = (
    "a bag of flour",
    "a basket of apples",
    "a box of nails",
    "a bundle of hay",
    "a jar of honey",
    "a load of bricks",
    "a pair of boots",
    "a piece of cheese",
    "a pot of soup",
    "a roll of cloth",
    "a sack of salt",
    "a string of onions",
)
"""What is carried about."""

# Nobody with a trade: which trades go with which land is for the crowd to tell.
RECEIVERS = (
    "a friend",
    "a neighbour",
    "my aunt",
    "my brother",
    "my cousin",
    "my daughter",
    "my father",
    "my mother",
    "my nephew",
    "my niece",
    "my sister",
    "my son",
    "my uncle",
    "the judge",
    "the vicar",
    "the widow",
)
"""Whom it is for."""

TOLD = ("birthplace", "birth year", "trade", "employer")
"""What people tell of others. Who is married to whom, and who is a mayor, is told elsewhere, from chosen sides."""

GREETINGS = ("Good morning, {other}.", "Good evening, {other}.", "Hello, {other}.", "How nice to see you, {other}.")
INQUIRIES = ("Where are you going?", "Where is the way taking you?", "You seem to be in a hurry.")
ABOUT = ("What do you know of {person}?", "Tell me something about {person}.", "I met {person} today.")
REPLIES = ("Let me think. {fact}", "Well, {fact}", "I have heard this: {fact}", "{fact}")
THANKS = ("Thank you, {other}.", "Good to know.", "So that is how it is.", "I see.")
RECALL = {
    "town": ("And where are you going, again?", "{thanks} Which town was it that you are on the way to?"),
    "goods": ("And what are you carrying, again?", "{thanks} What was it that you have with you?"),
    "receiver": ("And whom is that for, again?", "{thanks} For whom was it?"),
}
"""How each part of an errand is asked for in a later turn."""

EXAM_SIZE = 200
"""Dialogues in the exam of each split, at most: a small world has fewer errands."""


@dataclass(frozen=True)
class Errand:
    """Somebody brings something to somebody.

    Attributes:
        town: Where to.
        goods: What.
        receiver: For whom.
    """

    town: str
    goods: str
    receiver: str

    @property
    def key(self) -> str:
        """What is held out as a whole."""
        return f"{self.goods} to {self.town} for {self.receiver}"

    def tell(self, random: Random) -> str:
        """Say where one is going.

        Args:
            random: Source of chance: which wording.

        Returns:
            A sentence with all three parts.
        """
        return random.choice(
            (
                f"I am going to {self.town}, with {self.goods} for {self.receiver}.",
                f"I am taking {self.goods} to {self.receiver} in {self.town}.",
                f"To {self.town}. I have {self.goods} for {self.receiver} there.",
            )
        )

    def recall(self, part: str) -> str:
        """Answer when asked again.

        Args:
            part: One of ``town``, ``goods``, ``receiver``.

        Returns:
            A short answer.

        Example:
            >>> Errand("Titastead", "a jar of honey", "my aunt").recall("town")
            'To Titastead.'
        """
        return {
            "town": f"To {self.town}.",
            "goods": f"{self.goods[0].upper()}{self.goods[1:]}.",
            "receiver": f"For {self.receiver}.",
        }[part]


@dataclass(frozen=True)
class Turn:
    """What one says before the other speaks.

    Attributes:
        speaker: A given name, or whatever the speaker is to be called.
        text: One or more sentences.
    """

    speaker: str
    text: str


def converse(world: World, errand: Errand, random: Random) -> list[Turn]:
    """Let two people meet.

    Args:
        world: What is true.
        errand: What one of them is about to do.
        random: Source of chance.

    Returns:
        Six or eight turns. The last two ask for a part of the errand and answer.
    """
    asker, goer = random.sample(sorted({person.split()[0] for person in world.people}), 2)
    turns = [
        Turn(asker, f"{random.choice(GREETINGS).format(other=goer)} {random.choice(INQUIRIES)}"),
        Turn(goer, errand.tell(random)),
    ]
    third = random.choice(world.people)
    facts = [fact for fact in world.about(third) if fact.relation in TOLD]
    told = random.sample(facts, random.choice((1, 2)))
    questions = (random.choice(ABOUT).format(person=third), "And what else?")
    for fact, question in zip(told, questions, strict=False):
        sentence = random.choice(sentences(fact, "train"))
        # After a comma a sentence goes on, but a name keeps its capital.
        going_on = sentence if sentence.startswith(third) else sentence[0].lower() + sentence[1:]
        reply = random.choice(REPLIES)
        turns += [Turn(asker, question), Turn(goer, reply.format(fact=going_on if "," in reply else sentence))]
    part = random.choice(list(RECALL))
    thanks = random.choice(THANKS).format(other=goer)
    turns.append(Turn(asker, random.choice(RECALL[part]).format(thanks=thanks)))
    turns.append(Turn(goer, errand.recall(part)))
    return turns


def write(turns: list[Turn]) -> str:
    """Write a dialogue down.

    Args:
        turns: What was said.

    Returns:
        A line for each turn: the speaker, a colon, the text.
    """
    return "\n".join(f"{turn.speaker}: {turn.text}" for turn in turns)


def exam(world: World, split: str) -> list[Item]:
    """Ask what was said earlier in a dialogue.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Dialogues of the kind ``dialogue``, on different errands of the split, that lack the last answer.
    """
    random = Random(f"dialogues of {world.seed} for {split}")
    errands = [errand for errand in _errands(world) if split_of(errand.key) == split]
    asked = []
    for errand in random.sample(errands, min(EXAM_SIZE, len(errands))):
        *before, last = converse(world, errand, random)
        asked.append(Item("dialogue", f"{write(before)}\n{last.speaker}:", f" {last.text}", errand.key))
    return asked


def training(world: World, random: Random) -> str:
    """Tell a dialogue on an errand of the training split.

    Args:
        world: What is true.
        random: Source of chance.

    Returns:
        A line for each turn.
    """
    while True:
        errand = Errand(random.choice(world.towns), random.choice(GOODS), random.choice(RECEIVERS))
        if split_of(errand.key) == "train":
            return write(converse(world, errand, random))


def _errands(world: World) -> Iterator[Errand]:
    """Go through all errands."""
    return (Errand(*parts) for parts in product(world.towns, GOODS, RECEIVERS))
