"""The Python files beside this one belong to a book that the tests build; pytest collects nothing here."""

collect_ignore_glob = ["*"]
