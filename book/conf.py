"""Settings of the book. What computes lives in an extension under ``_extensions``."""

import sys
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

BOOK = Path(__file__).parent
ROOT = BOOK.parent
sys.path[:0] = [str(BOOK), str(ROOT)]

from _extensions.shape_types import ShapeFormatter  # noqa: E402

import llmguide  # noqa: E402  # found through the path set above

# -- The book ---------------------------------------------------------------------------------------------------------
project = "Deep Dive into Large Language Models"
author = "The llmguide authors"
release = version = llmguide.__version__
released = date(2026, 11, 30)
copyright = f"{released.year}, {author}. Text: CC BY 4.0; code: Apache-2.0"
language = "en"

# Where the book and its repository can be reached. Unset, whatever needs them is left out.
html_baseurl = ""
repository_url = ""

# -- Sources ----------------------------------------------------------------------------------------------------------
extensions = [
    "myst_parser",
    "nbsphinx",
    "notfound.extension",
    "sphinx.ext.autodoc",
    "sphinx.ext.coverage",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_autodoc_typehints",  # after napoleon
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.bibtex",
    "_extensions.api_contents",
    "_extensions.api_docstrings",
    "_extensions.api_pages",
    "_extensions.backrefs",
    "_extensions.benchmarks",
    "_extensions.bibliography",
    "_extensions.build_settings",
    "_extensions.citing",
    "_extensions.constants",
    "_extensions.epub_book",
    "_extensions.equations",
    "_extensions.exercises",
    "_extensions.experiments_page",
    "_extensions.figures",
    "_extensions.latex_book",
    "_extensions.listings",
    "_extensions.live_output",
    "_extensions.mathml",
    "_extensions.notebook_pictures",
    "_extensions.numbering",
    "_extensions.permalinks",
    "_extensions.page_repairs",
    "_extensions.reading_order",
    "_extensions.remembered",
    "_extensions.results",
    "_extensions.scripts",
    "_extensions.search_index",
    "_extensions.site",
    "_extensions.study_guide",
    "_extensions.widgets",
    "_extensions.world_browser",
]
root_doc = "index"
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_*", "**/.ipynb_checkpoints", "results"]
nitpicky = True
nitpick_ignore = [("py:class", "_regex.Pattern")]  # the compiled patterns of `regex`, which has no reference pages

# -- Numbers ----------------------------------------------------------------------------------------------------------
numfig = True
numfig_secnum_depth = 1
numfig_format = {
    "code-block": "Listing %s",
    "exercise": "Exercise %s",
    "figure": "Figure %s",
    "section": "Section %s",
    "table": "Table %s",
}
math_numfig = True
math_eqref_format = "Equation {number}"
math_numsep = "."

# -- Markdown ---------------------------------------------------------------------------------------------------------
myst_enable_extensions = ["amsmath", "attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 0  # every section has an explicit label
myst_dmath_double_inline = True

# -- Notebooks --------------------------------------------------------------------------------------------------------
# A page of source leads back to the module that defines a name, never to one that imports it.
viewcode_follow_imported_members = False
nbsphinx_execute = "always"
nbsphinx_timeout = 60
nbsphinx_execute_arguments = [
    "--InlineBackend.figure_formats={'svg', 'pdf'}",
    "--InlineBackend.rc={'pdf.fonttype': 42, 'svg.hashsalt': 'llmguide'}",
]
nbsphinx_requirejs_path = ""  # else every page asks a content network for require.js

# -- API pages --------------------------------------------------------------------------------------------------------
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints_format = "short"
add_module_names = False
maximum_signature_line_length = 60
napoleon_use_ivar = True
typehints_formatter = ShapeFormatter()
always_use_bars_union = True
typehints_defaults = "comma"
coverage_modules = ["llmguide"]
coverage_show_missing_items = True
intersphinx_mapping = {
    "jaxtyping": ("https://docs.kidger.site/jaxtyping", "_inventories/jaxtyping.inv"),
    "numpy": ("https://numpy.org/doc/2.4", "_inventories/numpy.inv"),
    "python": ("https://docs.python.org/3.11", "_inventories/python.inv"),
    "torch": ("https://docs.pytorch.org/docs/2.13", "_inventories/torch.inv"),
}

# -- Bibliography -----------------------------------------------------------------------------------------------------
bibtex_bibfiles = sorted(f"../references/{path.name}" for path in (ROOT / "references").glob("*.bib"))

# -- HTML -------------------------------------------------------------------------------------------------------------
html_theme = "furo"
html_title = project
html_static_path = ["_static"]
templates_path = ["_templates"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}
html_css_files = ["book.css"]
html_js_files = [("book.js", {"defer": "defer"})]
html_favicon = "_static/favicon.svg"
html_domain_indices = False  # the general index names every module already
html_show_search_summary = False  # a page in a folder cannot fetch another; _static/search.js quotes instead
pygments_dark_style = "a11y-dark"
copybutton_selector = "div.highlight:not(.code-output div.highlight) pre"  # what was printed is not for copying
notfound_template = "404.html"
notfound_context = {"title": "Page not found"}
notfound_urls_prefix = urlsplit(html_baseurl).path or "/"
if html_baseurl:  # must end in "/"
    extensions.append("sphinx_sitemap")
    sitemap_url_scheme = "{link}"
    sitemap_excludes = ["404.html", "search.html", "genindex.html"]
if repository_url:
    html_theme_options |= {
        "top_of_page_buttons": ["edit"],
        "source_repository": repository_url,
        "source_branch": "main",
        "source_directory": "book/",
    }
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/edition.html",
        "sidebar/scroll-end.html",
    ]
}

# -- Print ------------------------------------------------------------------------------------------------------------
# The style itself lies in _latex/; _extensions/latex_book.py hands it over.
book_subtitle = "How large language models work, shown by code that runs on a laptop"
book_keywords = ["large language models", "transformers", "tokenization", "attention", "machine learning", "education"]
latex_engine = "lualatex"
latex_documents = [("index", "book.tex", project, author, "manual")]
latex_elements = {
    "papersize": "a4paper",
    "pointsize": "11pt",
    "extraclassoptions": "oneside,openany",
    "babel": r"\usepackage[bidi=basic,english]{babel}",
    "fontpkg": r"\usepackage{bookfonts}",
    "fncychap": "",
    "preamble": r"\usepackage{bookstyle}",
    "maketitle": r"\bookmaketitle",
}
latex_domain_indices = False  # the general index names every object already
latex_show_urls = "no"
latex_use_xindy = False  # with it the index silently vanishes
today = f"{released:%-d %B %Y}"  # the date on the title page

# -- EPUB -------------------------------------------------------------------------------------------------------------
epub_basename = "book"
epub_theme = "epub"
epub_description = book_subtitle
epub_contributor = author
epub_publisher = author
epub_copyright = copyright
epub_identifier = "urn:uuid:5b0c6a52-0f7e-4d0b-9d5e-6a1f1f0c8a11"  # stays the same for every version of the book
epub_uid = "book"
epub_tocdepth = 3
epub_tocscope = "includehidden"
epub_show_urls = "no"
epub_cover = ("_static/cover.png", "epub-cover.html")
