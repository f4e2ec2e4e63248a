"""One page of the API reference for each module of the package, and their table of contents.

The pages are written into ``book/api`` before Sphinx looks for sources, from the files of the package: a new module has
its page without anybody's doing, a removed one loses it. They are not committed. A file whose text would be the same is
not touched, so that Sphinx reads nothing again.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata

FLOORS = {
    "Text and the miniature world": ("tokenizers", "world"),
    "Models": ("transformer", "embeddings", "baselines"),
    "From logits to text": ("decoding",),
    "Changing weights": ("finetuning", "training", "compression"),
    "Around a model": ("agents", "prompting", "retrieval", "serving"),
    "Measuring and driving": ("evaluation", "interpret", "experiments", "cli"),
    "Shared by all": ("", "atomic", "constants", "datasets"),
}
"""The floors of the package, lowest first, with the modules of each; the empty name is the package itself."""


@dataclass(frozen=True)
class Module:
    """A module as its file shows it, without being imported.

    Args:
        name: The dotted name.
        is_package: Whether the file is an ``__init__.py``.
        summary: The first line of the docstring.
        entries: The public names that it defines and documents.
        hands_on: Public names that a package imports from its modules, with where they come from.
    """

    name: str
    is_package: bool
    summary: str
    entries: tuple[str, ...]
    hands_on: tuple[tuple[str, str], ...]


def _entries(tree: ast.Module) -> Iterator[str]:
    """Yield the public names that a module defines and documents, a value by the string that follows it."""
    for statement, following in pairwise([*tree.body, ast.Pass()]):
        match statement, following:
            case (ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() as definition, _):
                name = definition.name if ast.get_docstring(definition) else "_"
            case (
                ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str())),
            ):
                pass
            case _:
                name = "_"
        if not name.startswith("_"):
            yield name


def read_module(path: Path, name: str) -> Module:
    """Return what the API reference needs to know of a module.

    Args:
        path: Its file.
        name: Its dotted name.

    Raises:
        ValueError: If the module has no docstring.
    """
    tree = ast.parse(path.read_text("utf-8"), str(path))
    docstring = ast.get_docstring(tree)
    if not docstring:
        raise ValueError(f"{path} has no docstring; begin the file with one line that says what the module is for")
    is_package = path.name == "__init__.py"
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(name)]
    handed_on = [
        (alias.asname or alias.name, f"{node.module}.{alias.name}")
        for node in imports
        for alias in node.names
        if is_package and not (alias.asname or alias.name).startswith("_")
    ]
    return Module(name, is_package, docstring.splitlines()[0], tuple(_entries(tree)), tuple(handed_on))


def find_modules(package: Path) -> list[Module]:
    """Return the public modules below a package's folder, sorted by name."""
    found = []
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if not any(part.startswith("_") for part in parts):
            found.append(read_module(path, ".".join(parts)))
    return sorted(found, key=lambda module: module.name)


def _title(text: str, label: str, underline: str) -> str:
    return f".. _{label}:\n\n{text}\n{underline * len(text)}\n"


def _list(modules: list[Module]) -> str:
    """Return a definition list of modules; a summary may hold any markup of a docstring."""
    return "\n".join(f":py:mod:`{module.name}`\n   {module.summary}\n" for module in modules)


def module_page(module: Module, modules: list[Module]) -> str:
    """Return the page of one module: its docstring, then its objects in the order of the source."""
    members = "ignore-module-all" if module.entries else "no-members"
    page = [
        _title(module.name, f"api-{module.name.replace('.', '-')}", "="),
        f".. automodule:: {module.name}\n   :{members}:\n",
    ]
    if module.hands_on:
        documented = {f"{other.name}.{name}" for other in modules for name in other.entries}
        names = (f":py:obj:`~{source}`" if source in documented else f"``{name}``" for name, source in module.hands_on)
        page.append(f"Names at hand here: {', '.join(names)}.\n")
    if below := [other for other in modules if other.name.rpartition(".")[0] == module.name]:
        page.append(_list(below))
    return "\n".join(page)


def index_page(modules: list[Module], package: str) -> str:
    """Return the first page of the API reference: the modules, floor by floor.

    Raises:
        ValueError: If a module stands on no floor.
    """
    page = [_title("API reference", "api", "=")]
    left = {module.name: module for module in modules}
    for floor, tops in FLOORS.items():
        here = [left.pop(module.name) for module in modules if f"{module.name}.".split(".")[1] in tops]
        if here:
            # The package's own name in front of every entry of the sidebar would only break its lines.
            pages = "".join(f"   {module.name.removeprefix(f'{package}.')} <{module.name}>\n" for module in here)
            page += [_title(floor, f"api-floor-{floor.lower().replace(' ', '-')}", "-"), _list(here)]
            page.append(f".. toctree::\n   :hidden:\n\n{pages}")
    if left:
        raise ValueError(f"{', '.join(left)} of {package}: name its floor in FLOORS of {Path(__file__).name}")
    return "\n".join(page)


def write_pages(package: Path, folder: Path) -> None:
    """Bring the pages of a folder in line with a package; a page that is right is not touched.

    Args:
        package: The package's folder.
        folder: Where the pages belong; whatever else lies there under a module's name is removed.
    """
    modules = find_modules(package)
    pages = {f"{module.name}.rst": module_page(module, modules) for module in modules}
    pages["index.rst"] = index_page(modules, package.name)
    folder.mkdir(exist_ok=True)
    for stale in {path.name for path in folder.glob("*.*")} - pages.keys():
        (folder / stale).unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def _write(app: Sphinx, config: Config) -> None:
    write_pages(Path(app.srcdir).parent / config.api_package, Path(app.srcdir) / "api")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Write the pages once the settings are read, before Sphinx lists the sources."""
    app.add_config_value("api_package", "llmguide", "env", frozenset({str}))
    app.setup_extension("_extensions.api_docstrings")
    app.connect("config-inited", _write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
