import ast
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmguide import datasets
from llmguide.experiments import fingerprint

PROGRAM = '''
"""A module."""

import os


def double(x: int, *, by: int = 2) -> int:
    """Say what it does."""
    y = x * by  # the reason
    return y
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A module."""', '"""Another module."""'),
        ('    """Say what it does."""\n', ""),
        ("  # the reason", ""),
        ("x * by", "(x\n         * by)"),
        ("\n\n\ndef", "\n\ndef"),
    ],
)
def test_words_and_layout_change_nothing(old, new):
    assert old in PROGRAM
    assert fingerprint.normalise(PROGRAM.replace(old, new)) == fingerprint.normalise(PROGRAM)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x * by", "x + by"),
        ("by: int = 2", "by: int = 3"),
        ("by: int = 2", "by: int"),
        ("return y", "return None"),
        ("return y", "return"),
        ("x * by", "'x' * by"),
        ("*, by", "by"),
        ("import os", "import os as o"),
        ("import os", "import sys"),
    ],
)
def test_code_changes_something(old, new):
    assert old in PROGRAM
    assert fingerprint.normalise(PROGRAM.replace(old, new)) != fingerprint.normalise(PROGRAM)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=8))
def test_different_literals_never_look_alike(value):
    other = [value]
    one, two = (fingerprint.normalise(f"x = {literal!r}") for literal in (value, other))
    assert one != two


def test_empty_fields_are_left_out_because_python_versions_differ_in_them():
    assert "type_params" not in fingerprint.normalise("def f(): return 1")
    assert "decorator_list" not in fingerprint.normalise("def f(): return 1")
    assert (
        fingerprint.normalise("x = None")
        == "Module(body=[Assign(targets=[Name(id='x', ctx=Store())], value=Constant(None))])"
    )


def test_digest_of_a_module_follows_its_code(sample):
    before = fingerprint.digest("coin_flips")
    sample.edit("penny", "dime")
    assert fingerprint.digest("coin_flips") != before
    assert len(before) == 64


def test_what_is_not_there_is_absent():
    assert fingerprint.digest("llmguide.no_such_module") == "absent"
    assert fingerprint.digest("no_such_package.module") == "absent"
    assert fingerprint.digest("sys") == "absent"  # built in: it has no source
    assert fingerprint.digest("dataset:no-such-corpus") == "absent"


def test_digest_of_a_corpus_is_its_published_checksum(tmp_path, monkeypatch):
    assert fingerprint.digest("dataset:sentences") == datasets.find("sentences").sha256
    monkeypatch.setenv(datasets.DATASETS_VARIABLE, str(tmp_path))
    assert fingerprint.digest("dataset:sentences") == "absent"


def test_digest_does_not_import_the_module():
    name = "llmguide.experiments.tokenization_vocabulary_size"
    loaded = sys.modules.pop(name, None)
    try:
        assert fingerprint.digest(name) != "absent"
        assert name not in sys.modules
    finally:
        if loaded:
            sys.modules[name] = loaded


def test_imports_are_followed_through_the_package(tmp_path, monkeypatch):
    package = tmp_path / "pkg"
    package.mkdir()
    sources = {
        "__init__": "",
        "top": "import os\nimport pkg.a\nfrom pkg import b, missing\nfrom pkg.c import thing\n",
        "a": "def late():\n    from pkg.d import other\n",
        "b": "from . import a\n",
        "c": "import pkg.top\nthing = 1\n",
        "d": "",
    }
    for name, source in sources.items():
        (package / f"{name}.py").write_text(source)
        ast.parse(source)
    monkeypatch.syspath_prepend(tmp_path)
    found = fingerprint.imported_modules("pkg.top", package="pkg")
    assert found == {"pkg", "pkg.a", "pkg.b", "pkg.c", "pkg.d", "pkg.top"}
    assert fingerprint.imported_modules("pkg.top", ignored={"pkg.a"}, package="pkg") == found - {"pkg.a", "pkg.d"}
    assert fingerprint.imported_modules("pkg.nothing", package="pkg") == set()
