"""The door: its examples run, and it works where no frame library is."""

from __future__ import annotations

import doctest
import subprocess
import sys

import pytest

from custval import assoc


@pytest.mark.parametrize("name", assoc.__all__)
def test_examples_run(name):
    thing = getattr(assoc, name)
    assert thing.__module__ == "custval.assoc"
    for example in doctest.DocTestFinder(recurse=True).find(thing, name, module=False):
        result = doctest.DocTestRunner().run(example)
        assert result.failed == 0, example.name


LIGHT = """
import sys
for name in ("pandas", "sklearn", "scipy.stats", "matplotlib", "narwhals"):
    sys.modules[name] = None
from custval.assoc import association_rules, frequent_itemsets, significant_rules
held = [{"mobile", "tv"}] * 8 + [{"mobile"}] * 4 + [{"cloud"}] * 8
rules = association_rules(frequent_itemsets(held, min_count=2))
assert len(significant_rules(rules)) == 2
long = {"subscriber_id": [1, 1, 2], "item": ["tv", "voice", "tv"]}
assert frequent_itemsets(long, min_count=2)[0] == ("tv",)
"""


def test_numpy_is_enough():
    subprocess.run([sys.executable, "-c", LIGHT], check=True)
