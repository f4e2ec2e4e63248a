"""What a piece of code depends on."""

import pytest
from _extensions.common import package_files


def _modules(code: str) -> set[str]:
    return {"/".join(file.parts[file.parts.index("llmguide") :]) for file in package_files(code)}


@pytest.mark.parametrize(
    "code",
    [
        "from llmguide.tokenizers.traces import trace_training",
        "import llmguide.tokenizers.traces",
        "from llmguide.tokenizers import traces",
        "def draw():\n    from llmguide.tokenizers import traces",
    ],
)
def test_code_depends_on_what_it_imports_directly_or_through_others(code: str) -> None:
    files = _modules(code)
    assert {"llmguide/tokenizers/traces.py", "llmguide/tokenizers/bpe.py"} <= files
    assert "llmguide/constants/texts.py" not in files


def test_code_that_imports_the_whole_package_depends_on_all_of_it() -> None:
    assert {"llmguide/constants/texts.py", "llmguide/tokenizers/bpe.py", "llmguide/cli/main.py"} <= _modules(
        "import llmguide"
    )


def test_other_code_depends_on_nothing_of_the_package() -> None:
    assert package_files("import math\nprint(math.pi)") == []
