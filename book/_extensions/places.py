"""Places in the book: a section, an equation or an API entry, each with its number and a link to it."""

from collections.abc import Iterable
from dataclasses import dataclass

from docutils import nodes
from sphinx import addnodes
from sphinx.builders import Builder
from sphinx.builders.latex.nodes import math_reference
from sphinx.environment import BuildEnvironment


@dataclass(frozen=True)
class Place:
    """Somewhere a reader can be sent.

    Args:
        docname: The page.
        anchor: The id on it; empty for the page as a whole.
        entry: For an entry of the API reference, the name of its object.
        equation: For an equation, its label.
    """

    docname: str
    anchor: str = ""
    entry: str = ""
    equation: str = ""


def place_of(node: nodes.Node, docname: str) -> Place:
    """Return the section or the API entry that a node of a page stands in."""
    parent = node.parent
    while parent is not None:
        if isinstance(parent, addnodes.desc) and isinstance(parent[0], addnodes.desc_signature) and parent[0]["ids"]:
            return Place(docname, parent[0]["ids"][0], entry=parent[0]["ids"][0])
        if isinstance(parent, nodes.section) and parent["ids"]:
            is_page = isinstance(parent.parent, nodes.document)
            return Place(docname, "" if is_page else parent["ids"][0])
        parent = parent.parent
    return Place(docname)


def number_of(env: BuildEnvironment, place: Place) -> tuple[int, ...]:
    """Return the number of the section that a place is or lies in; empty where nothing is numbered."""
    numbers = env.toc_secnumbers.get(place.docname, {})
    return numbers.get(f"#{place.anchor}") or numbers.get("") or ()


def label_of(env: BuildEnvironment, place: Place) -> str:
    """Return what the text calls a place: ``§3.4``, or a name where it has no number."""
    if place.entry:
        return place.entry
    number = number_of(env, place)
    return f"§{'.'.join(map(str, number))}" if number else env.titles[place.docname].astext()


def reading_order(env: BuildEnvironment) -> dict[str, int]:
    """Return the rank of every page in the order in which the table of contents names them."""
    order: list[str] = []
    waiting = [env.config.root_doc]
    while waiting:
        docname = waiting.pop()
        if docname not in order:
            order.append(docname)
            waiting += reversed(env.toctree_includes.get(docname, []))
    return {docname: rank for rank, docname in enumerate(order)}


def in_reading_order(env: BuildEnvironment, places: Iterable[Place]) -> list[Place]:
    """Return the places without repetition, as a reader of the book meets them."""
    rank = reading_order(env)
    return sorted(
        set(places),
        key=lambda place: (
            rank.get(place.docname, len(rank)),
            number_of(env, place),
            place.equation,
            place.entry,
            place.anchor,
        ),
    )


def link_to(env: BuildEnvironment, builder: Builder, fromdoc: str, place: Place) -> nodes.Element:
    """Return a link to a place, for use before references are resolved."""
    if place.equation and builder.name == "latex":
        return math_reference("", docname=place.docname, target=place.equation)  # LaTeX numbers equations itself
    if place.equation:
        return addnodes.pending_xref(
            "",
            nodes.literal("", place.equation),
            refdomain="math",
            reftype="eq",
            reftarget=place.equation,
            refdoc=fromdoc,
            refwarn=True,
        )
    uri = builder.get_relative_uri(fromdoc, place.docname) + (f"#{place.anchor}" if place.anchor else "")
    label = label_of(env, place)
    inner = nodes.literal("", label) if place.entry else nodes.inline("", label)
    return nodes.reference("", "", inner, internal=True, refuri=uri or f"#{place.anchor}")


def links_to(env: BuildEnvironment, builder: Builder, fromdoc: str, places: Iterable[Place]) -> list[nodes.Node]:
    """Return links to places, with commas between them."""
    linked: list[nodes.Node] = []
    for place in places:
        if linked:
            linked.append(nodes.Text(", "))
        linked.append(link_to(env, builder, fromdoc, place))
    return linked
