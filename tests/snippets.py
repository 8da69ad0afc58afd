"""Run the Python snippets of a page, in order, in one namespace: ``python snippets.py README.md``."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import sys
import tempfile
from pathlib import Path

FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def snippets(page: Path) -> list[tuple[int, str]]:
    """Return the Python snippets of a Markdown page with the line on which each starts."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start(1)) + 1, found.group(1)) for found in FENCE.finditer(text)]


def run(page: Path) -> int:
    """Run the snippets of `page` and return how many there are; the first that fails raises with its line."""
    scope: dict[str, object] = {"__name__": "__snippet__"}
    found = snippets(page)
    for line, code in found:
        if ">>>" in code:
            _run_as_examples(page, line, code, scope)
        else:
            # empty lines in front, so that a traceback shows the line of the page
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile("\n" * (line - 1) + code, str(page), "exec"), scope)
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


def _run_as_examples(page: Path, line: int, code: str, scope: dict[str, object]) -> None:
    test = doctest.DocTestParser().get_doctest(code, scope, page.name, str(page), line - 1)
    said = io.StringIO()
    # the examples of a page share one namespace with its plain snippets
    test.globs = scope
    failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.write, clear_globs=False)
    if failed:
        raise AssertionError(said.getvalue())


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")
    for name in sys.argv[1:]:
        sys.stdout.write(f"{name}: {run_in_an_empty_folder(Path(name).resolve())} snippets ran\n")
