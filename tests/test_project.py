"""What holds for the project as a whole: its lock, its weight, its floors and the size of its files."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

import llmguide

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "llmguide").rglob("*.py"))
# Importing the package and starting its command stand on no floor.
ENTRANCES = {ROOT / "llmguide" / "__init__.py", ROOT / "llmguide" / "__main__.py"}
# From the ground up; a floor may import from its own and from those below.
FLOORS = (
    {"constants", "atomic", "datasets"},
    {"tokenizers", "world"},
    {"transformer", "embeddings", "baselines"},
    {"decoding"},
    {"finetuning", "training", "compression"},
    {"agents", "prompting", "retrieval", "serving"},
    {"evaluation", "interpret", "experiments", "cli"},
)
LOCKED = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "requirements.lock").read_text("utf-8"), flags=re.MULTILINE)
# Oxford spelling has -ize; these words have -ise in it, too, alone or at the end of others (likewise, pairwise).
_ISE = re.compile(r"\b[A-Za-z]*[a-z]{2}is(?:e|es|ed|ing|er|ers|ation|ations|able)\b")
_ALWAYS_ISE = re.compile(
    r"(?:advis|aris|compris|concis|devis|disguis|exercis|expertis|franchis|improvis|nois|precis|premis"
    r"|romis|rais|revis|supervis|surpris|treatis|wis)\w+",
    re.IGNORECASE,
)
# A function whose address readers may have.
_KEPT = {("fingerprint.py", "normalise")}


def module_name(path: Path) -> str:
    """Return the dotted name of a module of the package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


KNOWN = {module_name(path) for path in MODULES}


@cache
def imports(path: Path) -> list[str]:
    """List the dotted name of each module of the package that ``path`` imports, wherever it does."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in KNOWN else str(node.module) for name in names]
        found += [name for name in names if name.split(".")[0] == "llmguide"]
    return found


def floor(module: str) -> int:
    """Return the number of the floor that a module stands on."""
    part = module.split(".")[1]
    return next(number for number, parts in enumerate(FLOORS) if part in parts)


@pytest.mark.no_cover
@pytest.mark.parametrize(("name", "version"), LOCKED)
def test_the_environment_is_the_lock(name: str, version: str) -> None:
    # What follows a plus names a build, such as torch's for machines without a GPU.
    assert importlib.metadata.version(name).split("+")[0] == version


@pytest.mark.no_cover
@pytest.mark.parametrize("name", [name for name, _ in LOCKED])
def test_the_lock_is_for_the_first_python_that_is_promised(name: str) -> None:
    asked = importlib.metadata.metadata(name)["Requires-Python"]
    assert asked is None or "3.11.0" in SpecifierSet(asked)


def test_the_lock_has_every_declared_dependency() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = [*settings["dependencies"], *(d for extra in settings["optional-dependencies"].values() for d in extra)]
    names = {re.split(r"[<>=\[]", requirement)[0] for requirement in declared} - {"llmguide"}
    normal = {re.sub(r"[-_.]+", "-", name).lower() for name, _ in LOCKED}
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in names} <= normal


def test_importing_the_package_is_light() -> None:
    heavy = {"torch", "numpy", "safetensors", "tokenizers", "regex", "jaxtyping", "matplotlib"}
    code = f"import sys, llmguide; print(*sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.split() == []
    timed = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import llmguide"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    microseconds = int(re.findall(r"\|\s*(\d+) \|\s*llmguide$", timed.stderr, flags=re.MULTILINE)[-1])
    assert microseconds <= 100_000


@pytest.mark.no_cover
def test_doctests_that_come_first_load_no_module_twice() -> None:
    tests = ["llmguide/tokenizers/bpe.py", "tests/tokenizers/test_bpe.py", "-k", "stops_at_the_size"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.no_cover
def test_coverage_does_not_watch_what_it_need_not() -> None:
    assert "Tracer" not in repr(sys.gettrace())


def test_an_unknown_subpackage_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'llmguide' has no attribute 'nonsense'"):
        llmguide.nonsense  # noqa: B018


@pytest.mark.no_cover
@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_file_is_one_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 330


@pytest.mark.no_cover
@pytest.mark.parametrize("path", [path for path in MODULES if path not in ENTRANCES], ids=module_name)
def test_no_floor_imports_from_a_higher_one(path: Path) -> None:
    name = module_name(path)
    for imported in imports(path):
        if imported != "llmguide":
            assert floor(imported) <= floor(name), f"{name} imports {imported}"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if "world" in path.parts or path.stem == "datasets"], ids=module_name
)
def test_the_world_needs_nothing_but_python(path: Path) -> None:
    """So `.ci/check-bounds` need not try it with other versions of anything."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    named = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    named += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in named} <= sys.stdlib_module_names | {"llmguide"}


def test_imports_form_no_circle() -> None:
    graph = {module_name(path): set(imports(path)) for path in MODULES}
    finished: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail, name])
        if name not in finished:
            for imported in graph.get(name, set()):
                visit(imported, (*trail, name))
            finished.add(name)

    for name in graph:
        visit(name, ())


def test_spelling_is_that_of_oxford() -> None:
    names = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "datasets/make.py")
    texts = [*(ROOT / name for name in names), *MODULES]
    texts += [path for kind in ("md", "py", "ipynb", "html", "toml") for path in (ROOT / "book").rglob(f"*.{kind}")]
    faults = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in texts
        for word in _ISE.findall(path.read_text("utf-8"))
        if not _ALWAYS_ISE.search(word) and (path.name, word) not in _KEPT
    ]
    assert not faults, "write -ize and -ization, or add the word to those that always have -ise"
