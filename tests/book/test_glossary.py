"""A chapter links each term of the glossary where its prose first uses it."""

import re
from collections.abc import Iterator, Mapping

import pytest
from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from chapters import TEXTS

# Phrases in which a word of the glossary is not meant as the term, in any chapter.
NOT_THE_TERM = (
    "without decoding",
    "WordPiece and Unigram",
    "piece by piece",
    "in pieces of five",
    "image’s patches",
    "attention Heads of the state",
    "fall into pieces",
)
# What is no running text: code, formulas, headings, tables, captions.
_ASIDE = (
    "pre, code, math, .math, h1, h2, h3, h4, h5, h6, table, figcaption, .code-block-caption, .exercise-title, .moved"
)


def pattern_of(term: str) -> str:
    """A regular expression for a term, in the singular or plural, with a space or a hyphen between its words."""
    pattern = r"[-\s]+".join(map(re.escape, re.split("[- ]", term)))
    if pattern.endswith("y"):
        return f"{pattern[:-1]}(?:y|ies)"
    return f"{pattern[:-2]}(?:us|ora)" if pattern.endswith("pus") else f"{pattern}(?:e?s)?"


def prose_of(main: Tag) -> Iterator[tuple[str, str]]:
    """Yield the running text of a page string by string, each with the address that it links to, if any."""
    aside = {id(node) for node in main.select(_ASIDE)}
    for string in main.find_all(string=True):
        above = list(string.parents)
        if type(string) is NavigableString and not aside & set(map(id, above)):
            yield str(string), next((str(node["href"]) for node in above if node.name == "a" and node.get("href")), "")


def unlinked(main: Tag, terms: Mapping[str, str]) -> list[str]:
    """Return the terms whose first mention on a page does not lead to the glossary, each with its surroundings.

    Args:
        main: The page.
        terms: The id in the glossary by term. In a text that holds a longer term, a shorter one within it is none.
    """
    text, links = "", list[str]()
    for string, link in prose_of(main):
        text += string
        links += [link] * len(string)
    for phrase in NOT_THE_TERM:
        text = re.sub(re.escape(phrase).replace(r"\ ", r"\s+"), lambda found: "." * len(found[0]), text)
    longest_first = sorted(terms, key=lambda term: (-len(term), term))
    pattern = "|".join(f"({pattern_of(term)})" for term in longest_first)
    first: dict[str, re.Match[str]] = {}
    for found in re.finditer(rf"(?<![\w-])(?:{pattern})(?![\w-])", text, re.IGNORECASE):
        first.setdefault(longest_first[(found.lastindex or 0) - 1], found)
    return [
        f"{term}: …{' '.join(text[max(0, found.start() - 40) : found.end() + 20].split())}…"
        for term, found in first.items()
        if not links[found.start()].endswith(f"glossary.html#{terms[term]}")
    ]


TERMS = {"token": "term-token", "special token": "term-special-token", "vocabulary": "term-vocabulary"}


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ('<p>A <a href="../glossary.html#term-token">token</a>, then a token.</p>', []),
        ('<p>A token, then a <a href="../glossary.html#term-token">token</a>.</p>', ["token"]),
        ('<h1>Tokens</h1><pre>token</pre><p>Some <a href="glossary.html#term-token">tokens</a>.</p>', []),
        ("<p>Tokens.</p>", ["token"]),
        ("<p>A <a href='glossary.html#term-special-token'>special\ntoken</a> and a tokenizer</p>", []),
        ("<p>A vocabulary, <a href='glossary.html#term-token'>special-tokens</a></p>", ["vocabulary", "special token"]),
    ],
)  # fmt: skip
def test_the_first_mention_counts(page: str, expected: list[str]) -> None:
    faults = unlinked(BeautifulSoup(page, "html.parser"), TERMS)
    assert [fault.partition(":")[0] for fault in faults] == expected


@pytest.mark.book
def test_chapters_link_each_term_at_its_first_mention(soups: Mapping[str, BeautifulSoup]) -> None:
    glossary = soups["reference/glossary.html"].select("dl.glossary dt[id]")
    terms = {
        "".join(map(str, term.find_all(string=True, recursive=False))).strip(): str(term["id"]) for term in glossary
    }
    assert len(terms) > 40
    faults = []
    links = soups["reference/glossary.html"].select("dl.glossary dd a[href^='#']")
    never = set(terms.values()) - {str(link["href"])[1:] for link in links}
    for chapter in TEXTS:
        main = soups[f"{chapter}.html"].select_one("[role=main]")
        assert isinstance(main, Tag)
        faults += [f"{chapter}: {fault}" for fault in unlinked(main, terms)]
        never -= {str(link["href"]).partition("glossary.html#")[2] for link in main.select("a[href*='glossary.html#']")}
    assert faults == [], "write {term}`…`, or add a phrase to NOT_THE_TERM"
    assert never == set(), "neither a chapter nor another term leads to these"
