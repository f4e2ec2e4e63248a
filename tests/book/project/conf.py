"""The settings of the book, for a few pages that hold whatever is hard to print."""

import runpy
from pathlib import Path

BOOK = Path(__file__).parents[3] / "book"
_settings = runpy.run_path(str(BOOK / "conf.py"))
globals().update({name: value for name, value in _settings.items() if not name.startswith("__")})

extensions = [name for name in _settings["extensions"] if name != "sphinxcontrib.bibtex"]
html_static_path = [str(BOOK / "_static")]
templates_path = [str(BOOK / "_templates")]
