"""Settings of a small book on which the tests try the extensions."""

from pathlib import Path

import llmguide.experiments

HERE = Path(__file__).parent

# The one experiment of this book stands beside the package's own, which the book does not list.
llmguide.experiments.__path__.insert(0, str(HERE / "experiments"))
from llmguide.experiments.small_demo import EXPERIMENT  # noqa: E402

llmguide.experiments.all_experiments = lambda: (EXPERIMENT,)

project = "Small book"
author = "The llmguide authors"
version = "1"
extensions = [
    "myst_parser",
    "sphinxcontrib.bibtex",
    "_extensions.mathml",
    "_extensions.exercises",
    "_extensions.results",
    "_extensions.figures",
    "_extensions.experiments_page",
    "_extensions.live_output",
    "_extensions.constants",
]
bibtex_bibfiles = sorted(map(str, (Path(llmguide.__file__).parents[1] / "references").glob("*.bib")))
bibtex_reference_style = "author_year"
exclude_patterns = ["results"]
html_theme = "furo"
html_math_renderer = "mathml"
numfig = True
numfig_secnum_depth = 1
numfig_format = {
    "code-block": "Listing %s",
    "exercise": "Exercise %s",
    "figure": "Figure %s",
    "section": "Section %s",
    "table": "Table %s",
}
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
latex_engine = "lualatex"
latex_use_xindy = False
latex_documents = [("index", "book.tex", project, author, "manual")]
epub_copyright = "The llmguide authors"
epub_show_urls = "no"
suppress_warnings = ["epub.unknown_project_files"]
