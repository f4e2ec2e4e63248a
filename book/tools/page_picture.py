"""Take the README's picture of a page, out of the built book. Needs Chromium; run this when the page looks otherwise.

    make html
    .venv/bin/python book/tools/page_picture.py

The default is the page on tokenization where it encodes a word: a table, a figure and a listing are in sight.
"""

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

BOOK = Path(__file__).parents[1]
SIZE = {"width": 1280, "height": 860}


def take(page: Path, anchor: str, picture: Path) -> None:
    """Take a picture of a page, in the light theme, with the network switched off.

    Args:
        page: The built page.
        anchor: The id of what stands at the top.
        picture: Where the picture goes.

    Raises:
        RuntimeError: If there is no Chromium.
    """
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if chromium is None:
        raise RuntimeError("no Chromium: install the Debian package `chromium-headless-shell`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        window = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce", offline=True)
        window.goto(page.resolve().as_uri())
        window.evaluate("document.fonts.ready.then(() => null)")
        window.evaluate("id => document.getElementById(id).scrollIntoView()", anchor)
        window.wait_for_timeout(500)  # the contents on the right follow
        window.screenshot(path=picture)
        browser.close()


def main() -> None:
    """Take the picture that the command line describes."""
    parser = argparse.ArgumentParser(description="Take the README's picture of a page.")
    parser.add_argument("--html", type=Path, default=BOOK.parent / "_build" / "html", help="the built book")
    parser.add_argument("--page", default="foundations/tokenization", help="the page (default: %(default)s)")
    parser.add_argument("--anchor", default="tab-encode-lowest", help="what stands at the top (default: %(default)s)")
    arguments = parser.parse_args()
    picture = BOOK / "figures" / "page.png"
    take(arguments.html / f"{arguments.page}.html", arguments.anchor, picture)
    sys.stdout.write(f"{picture}\n")


if __name__ == "__main__":
    main()
