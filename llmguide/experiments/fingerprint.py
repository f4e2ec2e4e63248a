"""Digests of the sources that a recorded number depends on: of a module's code, and of a corpus.

A module's digest is taken from its syntax tree without docstrings, so that better wording or layout makes no recorded
result stale.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Collection
from functools import cache
from pathlib import Path

CORPUS_PREFIX = "dataset:"
ABSENT = "absent"


def digest(name: str) -> str:
    """Digest one source.

    Args:
        name: A module's name, or ``dataset:`` and a corpus's name.

    Returns:
        SHA-256 in hexadecimal, or ``absent`` if there is no such source here.
    """
    if name.startswith(CORPUS_PREFIX):
        from llmguide import datasets  # noqa: PLC0415 (a record of pure code needs no corpus)

        try:
            return datasets.find(name.removeprefix(CORPUS_PREFIX)).sha256
        except (FileNotFoundError, ValueError):
            return ABSENT
    path = source_of(name)
    return ABSENT if path is None else _digest_of(path.read_text("utf-8"))


@cache
def _digest_of(source: str) -> str:
    """Digest source code; most experiments share most of their sources."""
    return hashlib.sha256(normalise(source).encode()).hexdigest()


def source_of(module: str) -> Path | None:
    """Find the source file of a module without importing it (its parent packages are imported).

    Args:
        module: Dotted name.

    Returns:
        The file, or ``None`` if there is no module of that name or it has no source.
    """
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None


def normalise(source: str) -> str:
    """Write source code in a form that docstrings, comments and layout do not change.

    Python's own ``ast.dump`` differs from version to version in the empty fields that it prints, hence this one.

    Args:
        source: Python source.

    Returns:
        Its syntax tree as nested parentheses.

    Example:
        >>> normalise("x = 1  # one") == normalise("x  =  1")
        True
        >>> normalise("x = 1") == normalise("x = 2")
        False
    """
    return _dump(ast.parse(source))


def imported_modules(module: str, ignored: Collection[str] = (), package: str = "llmguide") -> set[str]:
    """Name the modules of a package that a module imports, directly or through others of the package.

    Args:
        module: Where to begin; not in the result unless something imports it.
        ignored: Modules to leave out, with what only they import.
        package: Only modules of this package count.

    Returns:
        The names.
    """
    found: set[str] = set()
    pending = [module]
    while pending:
        path = source_of(pending.pop())
        if path is None:
            continue
        new = _imports(path, path.stat().st_mtime_ns, package) - found.union(ignored)
        found |= new
        pending.extend(new)
    return found


@cache
def _imports(path: Path, _changed: int, package: str) -> frozenset[str]:
    """Name the modules of a package that a file imports; a file that has changed since is read again."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = set()
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from a import b` may name the module a.b or an object that a holds
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names = {name if source_of(name) else node.module for name in inner}
        found |= {name for name in names if name.split(".")[0] == package and source_of(name)}
    return frozenset(found)


def _dump(node: object) -> str:
    if isinstance(node, ast.Constant):
        return f"Constant({node.value!r})"
    if isinstance(node, ast.AST):
        filled = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(f'{name}={_dump(value)}' for name, value in filled)})"
    if isinstance(node, list):
        return f"[{', '.join(_dump(part) for part in node if not _is_string_statement(part))}]"
    return repr(node)


def _is_string_statement(node: object) -> bool:
    """Tell a docstring, or any string that stands alone as a statement: it has no effect."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
