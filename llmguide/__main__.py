"""``python -m llmguide``: the same program as the command ``llmguide``."""

import sys

from llmguide.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
