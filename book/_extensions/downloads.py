"""Link the PDF and the EPUB from the HTML book, with their size and version.

The three are built one by one, so no page can know while it is written which files there will be. Each page holds a
marked place instead (``_templates/sidebar/edition.html``), and after the builds this step copies the files into the
book's folder and fills the places in; where a file is missing, its link is left out. It can be repeated at any time:

    PYTHONPATH=book python -m _extensions.downloads _build/html _build/latex/book.pdf _build/epub/book.epub
"""

import argparse
import re
import shutil
from pathlib import Path

FOLDER = "downloads"
PLACE = re.compile(
    r"(?P<begin><!-- downloads of (?P<name>[a-z0-9-]+) (?P<version>\S+) -->).*?(?P<end><!-- end of downloads -->)",
    re.DOTALL,
)


def readable_size(size: int) -> str:
    """Return a number of bytes as a reader expects it.

    Example:
        >>> readable_size(1_340_000), readable_size(98_700)
        ('1.3 MB', '99 kB')
    """
    return f"{size / 1e6:.1f} MB" if size >= 999_500 else f"{max(1, round(size / 1000))} kB"


def fill(page: str, files: list[Path], to_root: str) -> str:
    """Write the links into the place that a page holds for them.

    Args:
        page: The page; returned as it is if it holds no place.
        files: The files that exist, in the order of the links.
        to_root: The way from the page to the book's folder, such as ``../``.
    """

    def links(place: re.Match[str]) -> str:
        items = "".join(
            f'<li><a href="{to_root}{FOLDER}/{place["name"]}{file.suffix}">{file.suffix[1:].upper()}</a>, '
            f"version {place['version']}, {readable_size(file.stat().st_size)}</li>"
            for file in files
        )
        return place["begin"] + (f'<ul class="downloads">{items}</ul>' if items else "") + place["end"]

    return PLACE.sub(links, page)


def publish(html: Path, files: list[Path]) -> list[Path]:
    """Copy the files that exist into the book and link them from every page.

    Returns:
        The copies.

    Raises:
        FileNotFoundError: If ``html`` is no built book.
    """
    if not (html / "index.html").exists():
        raise FileNotFoundError(f"{html} holds no index.html: build the HTML book there first, with `make html`")
    existing = [file for file in files if file.exists()]
    shutil.rmtree(html / FOLDER, ignore_errors=True)
    copies: dict[Path, None] = {}
    for path in sorted(html.rglob("*.html")):
        page = path.read_text("utf-8")
        place = PLACE.search(page)
        if place is None:
            continue
        for file in existing:
            copy = html / FOLDER / f"{place['name']}{file.suffix}"
            if copy not in copies:
                copy.parent.mkdir(exist_ok=True)
                shutil.copyfile(file, copy)
                copies[copy] = None
        filled = fill(page, existing, "../" * (len(path.relative_to(html).parts) - 1))
        if filled != page:
            path.write_text(filled, "utf-8")
    return list(copies)


def main() -> None:
    """Publish the files named on the command line."""
    parser = argparse.ArgumentParser(description="Link the PDF and the EPUB from the HTML book.")
    parser.add_argument("html", type=Path, help="the folder of the built HTML book")
    parser.add_argument("files", type=Path, nargs="*", help="book.pdf, book.epub; those that do not exist are left out")
    arguments = parser.parse_args()
    publish(arguments.html, arguments.files)


if __name__ == "__main__":
    main()
