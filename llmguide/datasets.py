"""The corpora of the book: where they lie, and whether they are what they should be.

Each lies in its own folder below ``datasets/`` with a data card; ``datasets/index.toml`` lists them for programs.
A corpus is one file of documents. A document begins with a line of a form feed and its title.
"""

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DATASETS_VARIABLE = "LLMGUIDE_DATASETS"
INDEX = "index.toml"
DOCUMENT_MARK = "\f"


@dataclass(frozen=True)
class Dataset:
    """One file of text and what is known about it.

    Attributes:
        name: What :func:`load` takes.
        path: Where the file lies.
        sha256: Its published checksum, in hexadecimal.
        bytes: Its size.
        language: Natural or programming languages (BCP 47 tags, or names).
        licence: SPDX identifier of its licence, or ``public domain``.
        origin: Where it comes from.
        beside: The checksums of files that lie beside it and belong to it, by their names.
    """

    name: str
    path: Path
    sha256: str
    bytes: int
    language: str
    licence: str
    origin: str
    beside: Mapping[str, str] = field(default_factory=dict)

    def documents(self) -> dict[str, str]:
        """Read the documents and check the file against its published checksum.

        Returns:
            Text by title, in the order of the file.

        Raises:
            FileNotFoundError: If the index lists the file but it is gone.
            ValueError: If the checksum differs; the message says how to get the published file back.
        """
        return unpack(_read_published(self.path, self.sha256))

    def text_beside(self, name: str) -> str:
        """Read a file that lies beside the corpus, checked against its published checksum.

        Args:
            name: One of ``beside``, for example ``exam.jsonl`` beside the corpus ``world``.

        Returns:
            Its text.

        Raises:
            FileNotFoundError: If the index lists the file but it is gone.
            ValueError: If the index lists none of that name, or the checksum differs.
        """
        if name not in self.beside:
            raise ValueError(f"no file {name!r} beside {self.name!r}; there are: {', '.join(self.beside) or 'none'}")
        return _read_published(self.path.with_name(name), self.beside[name])


def _read_published(path: Path, sha256: str) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: `git checkout -- {path}` brings it back")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} is not the published file (SHA-256 {found[:12]}…, expected {sha256[:12]}…): "
            f"`git checkout -- {path}` brings it back; if the change is meant, run `python datasets/make.py`"
        )
    return content.decode("utf-8")


def pack(documents: Mapping[str, str]) -> str:
    """Write documents as one text.

    Args:
        documents: Text by title.

    Returns:
        The documents one after the other, each behind a line of a form feed and its title.

    Raises:
        ValueError: If a document holds a form feed, or a title more than one line: they could not be told apart.
    """
    for title, text in documents.items():
        if DOCUMENT_MARK in title + text or "\n" in title:
            raise ValueError(f"document {title!r} holds a form feed or has a title of several lines; remove them")
    return "".join(f"{DOCUMENT_MARK}{title}\n{text}" for title, text in documents.items())


def unpack(text: str) -> dict[str, str]:
    r"""Read documents back from one text.

    Args:
        text: As :func:`pack` wrote it.

    Returns:
        Text by title.

    Example:
        >>> unpack(pack({"greeting": "Good day.\n", "farewell": "Good night.\n"}))
        {'greeting': 'Good day.\n', 'farewell': 'Good night.\n'}
    """
    parts = (part.partition("\n") for part in text.split(DOCUMENT_MARK)[1:])
    return {title: body for title, _, body in parts}


def datasets_directory(directory: Path | str | None = None) -> Path:
    """Find the corpora: the argument, then ``LLMGUIDE_DATASETS``, then the checkout's ``datasets``.

    Args:
        directory: Where the caller knows them to be.

    Returns:
        A directory with an index.

    Raises:
        FileNotFoundError: If there is no index; the message says what to do.
    """
    given = directory or os.environ.get(DATASETS_VARIABLE)
    found = Path(given) if given else Path(__file__).resolve().parents[1] / "datasets"
    if not (found / INDEX).is_file():
        raise FileNotFoundError(
            f"no {INDEX} in {found}: the corpora are not part of the installed package; take the folder datasets/ of "
            f"a checkout of the book and name it as an argument or in the variable {DATASETS_VARIABLE}"
        )
    return found


def all_datasets(directory: Path | str | None = None) -> dict[str, Dataset]:
    """List the corpora.

    Args:
        directory: See :func:`datasets_directory`.

    Returns:
        Each by its name, in the order of the index.
    """
    folder = datasets_directory(directory)
    index = tomllib.loads((folder / INDEX).read_text("utf-8"))
    return {name: Dataset(name=name, path=folder / str(entry.pop("file")), **entry) for name, entry in index.items()}


def find(name: str, directory: Path | str | None = None) -> Dataset:
    """Find one corpus.

    Args:
        name: Its name in the index.
        directory: See :func:`datasets_directory`.

    Returns:
        What is known about it; :meth:`Dataset.documents` reads it.

    Raises:
        ValueError: If there is none of that name; the message lists those there are.
    """
    datasets = all_datasets(directory)
    if name not in datasets:
        raise ValueError(f"no dataset {name!r}; there are: {', '.join(datasets)}")
    return datasets[name]


def load(name: str, directory: Path | str | None = None) -> str:
    """Read a corpus as one text, checked against its published checksum.

    Args:
        name: Its name in the index, for example ``shakespeare``.
        directory: See :func:`datasets_directory`.

    Returns:
        The documents joined, without their titles.

    Raises:
        FileNotFoundError: If the corpora are not here.
        ValueError: If there is none of that name, or its file was changed.
    """
    return "".join(documents(name, directory).values())


def documents(name: str, directory: Path | str | None = None) -> dict[str, str]:
    """Read a corpus document by document; otherwise as :func:`load`.

    Args:
        name: Its name in the index.
        directory: See :func:`datasets_directory`.

    Returns:
        Text by title, in the order of the file.
    """
    return find(name, directory).documents()
