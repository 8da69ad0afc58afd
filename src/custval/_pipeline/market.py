"""What goes together in the base: rules that survive a test, best first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custval._assoc.baskets import Baskets
from custval._assoc.deriving import association_rules
from custval._assoc.frequent import frequent_itemsets
from custval._pipeline.analysis import Method, Note
from custval._pipeline.cases import Cases
from custval._pipeline.scoring import Scores, unpacked

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("RULE_COLUMNS", "mined_rules")

RULE_COLUMNS = ("antecedent", "consequent", "count", "support", "confidence", "lift", "p_adjusted")
_MIN_SUPPORT = 0.01
_MIN_COUNT = 20
_MIN_CONFIDENCE = 0.3
_LONGEST = 3
_ALPHA = 0.05


def mined_rules(scores: Scores, cases: Cases) -> tuple[pd.DataFrame, list[Note], list[Method]]:
    """Return the rules of the current customers' services, notes on what was not found, and how they were made."""
    import pandas as pd

    words = ("antecedent", "consequent")
    empty = pd.DataFrame({name: pd.Series(dtype=object if name in words else float) for name in RULE_COLUMNS})
    if scores.basket is None or len(cases.services) < 2:
        return empty, [], []
    baskets = _baskets(scores.basket, cases.services)
    least = min(max(_MIN_COUNT, int(np.ceil(_MIN_SUPPORT * baskets.n))), int(baskets.n))
    if baskets.item_counts.max(initial=0) < least:
        return empty, [Note("services", 1, f"no service is held by {least} customers: no rules were sought")], []
    sets = frequent_itemsets(baskets, min_count=least, max_length=_LONGEST)
    rules = association_rules(sets, min_confidence=_MIN_CONFIDENCE)
    told = rules.to_frame(separator=" + ")
    frame = told.loc[(told["lift"] > 1.0) & (told["p_adjusted"] < _ALPHA), list(RULE_COLUMNS)]
    frame = frame.sort_values(["lift", "support"], ascending=False, kind="stable", ignore_index=True)
    how = (
        f"Sets of up to {_LONGEST} services held by at least {least:,} current customers; rules of confidence >= "
        f"{_MIN_CONFIDENCE:.0%} that hold more often than chance (one-sided Fisher exact test, Benjamini-Hochberg over "
        f"all {rules.n_searched:,} rules searched, adjusted p < {_ALPHA})."
    )
    notes = [] if len(frame) else [Note("services", 1, "no rule between services survived the test")]
    return frame, notes, [Method("Rules", how)]


def _baskets(basket: np.ndarray, services: list[str]) -> Baskets:
    distinct, counts = np.unique(basket, return_counts=True)
    held = unpacked(distinct, len(services))
    names = np.array(services, dtype=object)
    return Baskets.from_counts([tuple(names[row]) for row in held], counts)
