"""Stories: something happens, so something is amiss; a friend comes with a tool, and it fits or it does not.

Each sentence follows from those before it, and the outcome from one thing alone: whether the tool is the one for this
trouble. People of the world are met here beside people who are met nowhere else, in the same stories, and nothing that
could be asked about is told of either.
"""

from dataclasses import dataclass
from random import Random

from llmguide.world.facts import World
from llmguide.world.items import Item
from llmguide.world.splits import split_of
from llmguide.world.strangers import story_names


@dataclass(frozen=True)
class Trouble:
    """What can go wrong, and how it is put right.

    Attributes:
        cause: What happens.
        effect: What follows for the hero.
        tool: The only thing that helps.
        mended: How it ends with the tool.
        broken: How it ends without.
    """

    cause: str
    effect: str
    tool: str
    mended: str
    broken: str


TROUBLES = (
    Trouble(
        "it rained for hours",
        "the cellar of {hero} was full of water",
        "a bucket",
        "the cellar was dry again",
        "the cellar was still wet",
    ),
    Trouble(
        "a storm blew from the hills",
        "there was a hole in the roof of {hero}",
        "a ladder",
        "the roof was whole again",
        "the roof still had a hole",
    ),
    Trouble(
        "the fire went out",
        "the house of {hero} was cold",
        "dry wood",
        "the house was warm again",
        "the house was still cold",
    ),
    Trouble(
        "a rope broke",
        "the boat of {hero} drifted away",
        "a pair of oars",
        "the boat was back again",
        "the boat was still far out",
    ),
    Trouble(
        "a wheel came off",
        "the cart of {hero} stood in the mud",
        "a hammer",
        "the cart rolled again",
        "the cart still stood in the mud",
    ),
    Trouble(
        "a key was lost",
        "the door of {hero} stayed shut",
        "a bent wire",
        "the door was open again",
        "the door was still shut",
    ),
    Trouble(
        "a fox came through the fence",
        "the hens of {hero} ran into the wood",
        "a handful of corn",
        "the hens were home again",
        "the hens were still in the wood",
    ),
    Trouble(
        "the lamp ran dry",
        "the room of {hero} was dark",
        "a can of oil",
        "the room was bright again",
        "the room was still dark",
    ),
    Trouble(
        "snow fell and fell",
        "the path of {hero} was blocked",
        "a shovel",
        "the path was free again",
        "the path was still blocked",
    ),
    Trouble(
        "a button came loose",
        "the coat of {hero} did not close",
        "needle and thread",
        "the coat closed again",
        "the coat still did not close",
    ),
)
"""The troubles, each with a tool of its own."""

TIMES = ("One morning", "One evening", "One Sunday", "One day in spring", "Last winter", "Long ago")
REQUESTS = (
    "{hero} asked {friend} for help.",
    "{hero} sent for {friend}.",
    "{hero} did not know what to do and told {friend}.",
)
ARRIVALS = ("{friend} came with {tool}.", "{friend} brought {tool}.", "All that {friend} had was {tool}.")
THANKS = ("{hero} thanked {friend} and danced for joy.", "{hero} and {friend} laughed and ate a cake.")
REGRETS = ("{hero} was sad, and {friend} was sorry.", "{hero} and {friend} sat down to think.")

EXAM_SIZE = 200
"""Stories in the exam of each split, about; a small world has fewer."""


@dataclass(frozen=True)
class Story:
    """Who has what trouble, and who comes with what.

    Attributes:
        hero: Full name.
        friend: Full name; another given name than the hero's.
        trouble: What happens.
        tool: What the friend brings.
    """

    hero: str
    friend: str
    trouble: Trouble
    tool: str

    @property
    def key(self) -> str:
        """What is held out as a whole."""
        return f"{self.hero}: {self.trouble.cause}; {self.friend}: {self.tool}"

    @property
    def outcome(self) -> str:
        """How it ends: well only with the right tool."""
        end = self.trouble.mended if self.tool == self.trouble.tool else self.trouble.broken
        return f"In the end {end}."

    def beginning(self, random: Random) -> str:
        """Tell the story up to its outcome.

        Args:
            random: Source of chance: which words, and how many sentences.

        Returns:
            Two to four sentences. Whoever has been called by the full name is called by the given name from then on.
        """
        cause, effect = self.trouble.cause, self.trouble.effect.format(hero=self.hero)
        time = random.choice(TIMES)
        told = [random.choice((f"{time} {cause}. So {effect}.", f"{time} {cause}, and {effect}."))]
        hero, friend = self.hero.split()[0], self.friend
        if random.random() < 0.7:
            told.append(random.choice(REQUESTS).format(hero=hero, friend=friend))
            friend = friend.split()[0]
        told.append(random.choice(ARRIVALS).format(friend=friend, tool=self.tool))
        return " ".join(told)

    def closing(self, random: Random) -> str:
        """Say what the two made of the outcome.

        Args:
            random: Source of chance: which words, and whether anything is said.

        Returns:
            A sentence, or nothing.
        """
        if random.random() < 0.4:
            return ""
        wordings = THANKS if self.tool == self.trouble.tool else REGRETS
        return " " + random.choice(wordings).format(hero=self.hero.split()[0], friend=self.friend.split()[0])


def draw(world: World, split: str, random: Random) -> Story:
    """Make up a story of one split.

    Args:
        world: Whose people appear, and those who are met in stories only: each half of the time.
        split: One of ``train``, ``validation``, ``test``.
        random: Source of chance.

    Returns:
        The story. Every other friend brings the right tool.
    """
    casts = (world.people, story_names(world))
    while True:
        hero, friend = (random.choice(random.choice(casts)) for _ in range(2))
        trouble = random.choice(TROUBLES)
        tool = trouble.tool if random.random() < 0.5 else random.choice(TROUBLES).tool
        story = Story(hero, friend, trouble, tool)
        if hero.split()[0] != friend.split()[0] and split_of(story.key) == split:
            return story


def exam(world: World, split: str) -> list[Item]:
    """Ask how stories end.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Different stories of the kind ``story`` that lack their outcome.
    """
    random = Random(f"stories of {world.seed} for {split}")
    stories = {story.key: story for story in (draw(world, split, random) for _ in range(EXAM_SIZE))}
    return [Item("story", story.beginning(random), f" {story.outcome}", key) for key, story in stories.items()]


def training(world: World, random: Random) -> str:
    """Tell a story of the training split.

    Args:
        world: What is true.
        random: Source of chance.

    Returns:
        Three to six sentences in one line.
    """
    story = draw(world, "train", random)
    return f"{story.beginning(random)} {story.outcome}{story.closing(random)}"
