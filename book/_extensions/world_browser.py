"""``{world-browser} people``, and ``towns``, ``employers``, ``lands``, ``wordings``: the miniature world by names.

Nothing here is typed: names, facts, sentences and splits come out of :mod:`llmguide.world`. A web page has everybody,
each in a ``details`` element that opens without a script, and a field that filters them where scripts run. Paper and
the EPUB show an extract.
"""

import html
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import groupby
from random import Random
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

from _extensions.common import note_files, package_files
from llmguide.world import events, hops, inverse, questions, refusals, secrets, text
from llmguide.world.facts import Fact, World, published
from llmguide.world.splits import SPLITS
from llmguide.world.told import PEOPLE, TOWNS, is_told

USES = "from llmguide.world import events, hops, inverse, questions, refusals, secrets, text, facts, splits, told"
EXTRACT = 10
"""How many of each kind paper shows."""

KIND = {"birthplace": "town", "employer": "employer", "spouse": "person", "office": "town", "mayor": "person"}
KIND |= {"land": "land"}
"""What the value of a relation is, if it has an entry."""

LABELS = {"train": "training", "validation": "validation", "test": "the test"}
"""What the splits are called."""


@cache
def splits_of_questions(world: World) -> dict[str, str]:
    """Return the split in which each question on a person or a town may be asked, by the text of the question."""
    asking = (questions.exam, inverse.exam, refusals.exam)
    return {item.key: split for split in SPLITS for exam in asking for item in exam(world, split)}


def where_asked(world: World, subject: str, relation: str) -> dict[str, list[int]]:
    """Find the wordings in which a relation is asked for.

    Args:
        world: What is true.
        subject: Of whom or what.
        relation: Which relation.

    Returns:
        The numbers of the wordings, from 1, by split; no entry for a split that asks nothing.
    """
    found: dict[str, list[int]] = {}
    for number, wording in enumerate(questions.WORDINGS[relation], start=1):
        split = splits_of_questions(world).get(wording.format(subject=subject))
        if split:
            found.setdefault(split, []).append(number)
    return {split: found[split] for split in SPLITS if split in found}


def runs(numbers: Iterable[int]) -> str:
    """Write numbers, three or more in a row as from and to.

    Example:
        >>> runs([1, 2, 4, 5, 6])
        '1 2 4–6'
    """
    parts = []
    for _, group in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        row = [number for _, number in group]
        parts.append(f"{row[0]}–{row[-1]}" if len(row) > 2 else " ".join(map(str, row)))
    return " ".join(parts)


def retell(world: World, subject: str) -> str:
    """Tell all that training tells about a subject, in one of the ways in which it does."""
    random = Random(f"browser {subject}")
    told = [random.choice(text.sentences(fact, "train")) for fact in world.about(subject) if is_told(fact)]
    random.shuffle(told)
    return " ".join(told)


def anchor(kind: str, name: str) -> str:
    """Name the place of an entry."""
    return f"{kind}-{re.sub(r'[^a-z]+', '-', name.lower())}"


def link(kind: str, name: str) -> str:
    """Link to an entry, in HTML."""
    return f'<a href="#{anchor(kind, name)}">{html.escape(name)}</a>'


def summary_of(world: World, person: str) -> str:
    """Say in a line who somebody is: name, trade, town, employer."""
    return (
        f"{person}, {world.value(person, 'trade')} from {world.value(person, 'birthplace')}, "
        f"at {world.value(person, 'employer')}"
    )


def _asked(world: World, subject: str, relation: str) -> str:
    places = where_asked(world, subject, relation)
    return ", ".join(f"{LABELS[split]} {runs(numbers)}" for split, numbers in places.items()) or "never asked"


def examples(world: World, person: str) -> str:
    """Quote a question on a person from training, if there is one, and one that is held out."""
    relations = [fact.relation for fact in world.about(person) if is_told(fact)]
    found: dict[bool, str] = {}
    for relation in Random(f"example {person}").sample(relations, len(relations)):
        for split, numbers in where_asked(world, person, relation).items():
            question = questions.WORDINGS[relation][numbers[0] - 1].format(subject=person)
            found.setdefault(split == "train", f"{LABELS[split].capitalize()} asks: “{question}”")
    return " ".join(found[known] for known in (True, False) if known in found)


def _fact(world: World, fact: Fact) -> str:
    """Write a fact as an entry of a list, in HTML."""
    kind = KIND.get(fact.relation)
    value = link(kind, fact.value) if kind else html.escape(fact.value)
    silent = "" if is_told(fact) else "told from the other side only; "
    asked = _asked(world, fact.subject, fact.relation)
    return f"<dt>{link('relation', fact.relation)}</dt><dd>{value} <small>{silent}{asked}</small></dd>"


def _entry(name: str, content: str, kind: str, rest: str) -> str:
    return (
        f'<details id="{anchor(kind, name)}"><summary><b>{html.escape(name)}</b>{html.escape(rest)}</summary>'
        f"{content}</details>\n"
    )


def _person(world: World, person: str) -> str:
    facts = "".join(_fact(world, fact) for fact in world.about(person))
    if world.value(person, "spouse") is None:
        silent = f"no marriage; right is “I do not know.”: {_asked(world, person, 'spouse')}"
        facts += f"<dt>{link('relation', 'spouse')}</dt><dd><small>{silent}</small></dd>"
    facts += f"<dt>two steps</dt><dd><small>{LABELS[hops.group_of(person)]}</small></dd>"
    for secret in secrets.secrets(world):
        if secret.owner == person:
            facts += f"<dt>secret</dt><dd>{secret.number} <small>told {secret.repetitions} times</small></dd>"
    for thing in world.things:
        if world.value(thing, "maker") == person:
            name, _, town = thing.rpartition(" ")
            facts += f"<dt>made</dt><dd>{name} {link('town', town)}, {world.value(thing, 'making year')}</dd>"
    told = f"<p>{html.escape(retell(world, person))}</p><p>{html.escape(examples(world, person), quote=False)}</p>"
    return _entry(person, f"<dl>{facts}</dl>{told}", "person", summary_of(world, person).removeprefix(person))


def _links(kind: str, names: Iterable[str]) -> str:
    return ", ".join(link(kind, name) for name in names) or "nobody"


def _town(world: World, town: str) -> str:
    facts = "".join(_fact(world, fact) for fact in world.about(town))
    born = [person for person in world.people if world.value(person, "birthplace") == town]
    facts += f"<dt>born here</dt><dd>{_links('person', born)}</dd>"
    for thing in world.things:
        if thing.endswith(f" of {town}"):
            maker, year = (world.value(thing, relation) for relation in ("maker", "making year"))
            assert maker is not None
            counts = {split: len(events.questions(world, thing, split)) for split in SPLITS}
            asked = ", ".join(f"{number} in {LABELS[split]}" for split, number in counts.items() if number)
            name = thing.removesuffix(f" of {town}")
            facts += f"<dt>{name}</dt><dd>{link('person', maker)}, {year} <small>questions: {asked}</small></dd>"
    rest = f", {world.value(town, 'land')}, on the river {world.value(town, 'river')}"
    return _entry(town, f"<dl>{facts}</dl><p>{html.escape(retell(world, town))}</p>", "town", rest)


def _employer(world: World, employer: str) -> str:
    staff = [person for person in world.people if world.value(person, "employer") == employer]
    return _entry(employer, f"<p>{_links('person', staff)}</p>", "employer", f", {len(staff)} people")


def _land(world: World, land: str) -> str:
    towns = [town for town in world.towns if world.value(town, "land") == land]
    trade = world.value(land, "favoured trade")
    favoured = f"Its crowd favours the trade of a {trade}, which the text never says."
    return _entry(land, f"<p>{_links('town', towns)}</p><p>{favoured}</p>", "land", f", {len(towns)} towns")


def employers_of(world: World) -> list[str]:
    """Name the employers, in the order of the alphabet."""
    return sorted({fact.value for fact in world.facts if fact.relation == "employer"})


LISTS: dict[str, tuple[Callable[[World], Iterable[str]], Callable[[World, str], str]]] = {
    "people": (lambda world: sorted(world.people), _person),
    "towns": (lambda world: sorted(world.towns), _town),
    "employers": (employers_of, _employer),
    "lands": (lambda world: sorted(world.lands), _land),
}

FILTER = """<p class="world-filter" hidden><label for="world-filter">Show only</label>
<input id="world-filter" type="search" autocomplete="off" spellcheck="false" aria-describedby="world-count"
placeholder="name, town, trade, employer"> <span id="world-count" role="status"></span></p>
"""


class Browser(nodes.General, nodes.Element):
    """The entries of one list, for a web page; ``node["list"]`` says which."""


class Extract(nodes.General, nodes.Element):
    """What stands in their place elsewhere."""


class WorldBrowserDirective(SphinxDirective):
    """``{world-browser} LIST``."""

    required_arguments = 1
    option_spec: ClassVar[Any] = {}

    def run(self) -> list[nodes.Node]:
        """Return both forms; a transform keeps the right one."""
        which = directives.choice(self.arguments[0], (*LISTS, "wordings"))
        note_files(self.env, package_files(USES))
        if which == "wordings":
            return [nodes.definition_list("", *map(self._wordings, (*PEOPLE, *TOWNS)), classes=["world-wordings"])]
        self.env.metadata[self.env.current_document.docname]["world-browser"] = "yes"
        return [Browser(list=which), Extract("", *extract(published(), which))]

    def _wordings(self, relation: str) -> nodes.definition_list_item:
        """List how a relation is told and asked for, in all editions."""
        name = anchor("relation", relation)
        term = nodes.term("", relation, ids=[name], names=[name])
        self.set_source_info(term)
        self.state.document.note_explicit_target(term, term)
        lists = [
            part
            for title, forms in (("Told", text.PHRASINGS[relation]), ("Asked", questions.WORDINGS[relation]))
            for part in (nodes.paragraph("", title), _numbered(forms))
        ]
        return nodes.definition_list_item("", term, nodes.definition("", *lists))


def _numbered(forms: Iterable[str]) -> nodes.enumerated_list:
    items = [
        nodes.list_item("", nodes.paragraph("", form.replace("{subject}", "A").replace("{value}", "B")))
        for form in forms
    ]
    return nodes.enumerated_list("", *items, enumtype="arabic", prefix="", suffix=".")


def extract(world: World, which: str) -> Iterator[nodes.Node]:
    """Return some entries of a list as text."""
    names, _ = LISTS[which]
    every = list(names(world))
    chosen = every[:EXTRACT]
    items = [
        nodes.definition_list_item(
            "", nodes.term("", name), nodes.definition("", nodes.paragraph("", _plain(world, which, name)))
        )
        for name in chosen
    ]
    if len(chosen) < len(every):
        yield nodes.paragraph("", f"These are {len(chosen)} of the {len(every)}; the web edition has all of them.")
    yield nodes.definition_list("", *items)


def _plain(world: World, which: str, name: str) -> str:
    """Say in words what an entry says."""
    if which in ("people", "towns"):
        asked = "; ".join(
            f"{fact.relation}: {_asked(world, name, fact.relation)}" for fact in world.about(name) if is_told(fact)
        )
        return f"{retell(world, name)} ({asked}.)"
    if which == "employers":
        return f"{', '.join(person for person in world.people if world.value(person, 'employer') == name)}."
    towns = ", ".join(town for town in world.towns if world.value(town, "land") == name)
    return f"{towns}. Favoured trade: {world.value(name, 'favoured trade')}."


class KeepOne(SphinxPostTransform):
    """Leave the entries to web pages and the extract to the other editions."""

    default_priority = 3

    def run(self, **kwargs: Any) -> None:
        """Remove what is not for this builder."""
        web = self.app.builder.format == "html" and self.app.builder.name != "epub"
        for node in list(self.document.findall(Extract if web else Browser)):
            node.parent.remove(node)
        for node in list(self.document.findall(Extract)):
            node.replace_self(node.children)


def _write(translator: HTML5Translator, node: Browser) -> None:
    names, entry = LISTS[node["list"]]
    world = published()
    head = FILTER if node["list"] == "people" else ""
    entries = "".join(entry(world, name) for name in names(world))
    translator.body.append(f'{head}<div class="world-browser">\n{entries}</div>\n')
    raise nodes.SkipNode


def _add_files(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Load the script and the style where the world is browsed."""
    if app.builder.name != "epub" and app.env.metadata.get(page, {}).get("world-browser"):
        app.add_css_file("widgets/world-browser/browser.css")
        app.add_js_file("widgets/world-browser/browser.js", loading_method="defer")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive and what goes with it."""
    app.add_directive("world-browser", WorldBrowserDirective)
    app.add_node(Browser, html=(_write, None))
    app.add_node(Extract)
    app.add_post_transform(KeepOne)
    app.connect("html-page-context", _add_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
