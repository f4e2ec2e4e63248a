"""The settings of the book, for a few pages that hold whatever is hard to print."""

import runpy
from pathlib import Path

BOOK = Path(__file__).parents[3] / "book"
_settings = runpy.run_path(str(BOOK / "conf.py"))
globals().update({name: value for name, value in _settings.items() if not name.startswith("__")})

# The extensions that need no more of the book than its settings.
extensions = [
    "myst_parser",
    "_extensions.epub_book",
    "_extensions.exercises",
    "_extensions.latex_book",
    "_extensions.mathml",
    "_extensions.numbering",
    "_extensions.scripts",
]
html_static_path = [str(BOOK / "_static")]
html_sidebars: dict[str, list[str]] = {}
html_theme_options: dict[str, object] = {}
html_css_files: list[str] = []
html_js_files: list[str] = []
templates_path: list[str] = []
html_favicon = ""
