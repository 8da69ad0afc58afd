"""Run the Python snippets of a page, in order, in one namespace: ``python snippets.py README.md``.

What a page shows in a ``text`` block right after a snippet must be what it prints; ``...`` stands for anything.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import sys
import tempfile
from pathlib import Path

FENCE = re.compile(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)

SHOWN_AS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE  # a page may break long lines


def snippets(page: Path) -> list[tuple[int, str, str | None]]:
    """Return the Python snippets of a Markdown page: where each starts, its code, what it is said to print."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start(1)) + 1, found.group(1), found.group(2)) for found in FENCE.finditer(text)]


def run(page: Path) -> int:
    """Run the snippets of `page` and return how many there are; the first that fails raises with its line."""
    scope: dict[str, object] = {"__name__": "__snippet__"}
    found = snippets(page)
    for line, code, shown in found:
        if ">>>" in code:
            _run_as_examples(page, line, code, scope)
        else:
            # empty lines in front, so that a traceback shows the line of the page
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile("\n" * (line - 1) + code, str(page), "exec"), scope)
            if shown is not None:
                _compare(page, line, shown, said.getvalue())
    return len(found)


def run_in_an_empty_folder(page: Path) -> int:
    """Run the snippets of `page` where the files they write disturb nobody."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return run(page)
        finally:
            os.chdir(before)


def _compare(page: Path, line: int, shown: str, said: str) -> None:
    if not doctest.OutputChecker().check_output(shown, said, SHOWN_AS):
        raise AssertionError(f"{page}, line {line}\nExpected:\n{shown}Got:\n{said}")


def _run_as_examples(page: Path, line: int, code: str, scope: dict[str, object]) -> None:
    test = doctest.DocTestParser().get_doctest(code, scope, page.name, str(page), line - 1)
    said = io.StringIO()
    # the examples of a page share one namespace with its plain snippets
    test.globs = scope
    failed, _ = doctest.DocTestRunner(optionflags=SHOWN_AS).run(test, out=said.write, clear_globs=False)
    if failed:
        raise AssertionError(said.getvalue())


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")
    for name in sys.argv[1:]:
        sys.stdout.write(f"{name}: {run_in_an_empty_folder(Path(name).resolve())} snippets ran\n")
