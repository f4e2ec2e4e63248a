"""Add one of our LaTeX packages to the printed book."""

from pathlib import Path

from sphinx.config import Config


def add_style(config: Config, style: Path) -> None:
    """Copy a ``.sty`` file beside the book's LaTeX source and load it at the end of the preamble.

    Args:
        config: The settings of the build, as they are when ``config-inited`` is emitted.
        style: The file.
    """
    config.latex_additional_files = [*config.latex_additional_files, str(style)]
    preamble = config.latex_elements.get("preamble", "")
    config.latex_elements = {**config.latex_elements, "preamble": f"{preamble}\n\\usepackage{{{style.stem}}}\n"}
