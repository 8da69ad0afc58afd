"""How a raw row becomes what the model reads, and why some columns are left out.

Learned once on the first reading, applied to every block, so that fitting and scoring see the same thing. A column is
left out, and named with its reason, if it is constant, like an identifier, nearly a function of the tenure (a sum over
the tenure says how long the customer stayed, not how long they will), nearly a function of the outcome (written down
after the fact), or nearly a linear function of the other columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from custval._core.encoding import DesignEncoder
from custval._core.typing import BoolArray, FloatArray, IntArray, TextArray
from custval._pipeline.analysis import Note
from custval._pipeline.cells import as_text, read_numbers
from custval._pipeline.profile import MAX_LEVELS, ColumnProfile, Profile
from custval._pipeline.services import held_cell, held_words

__all__ = ("Recipe", "learn_recipe")

_TENURE_RANK = 0.95
_TENURE_SHARE = 0.9
_SUM_RANK = 0.97
_OUTCOME_AUC = 0.99
_ALIAS_R2 = 0.99


@dataclass(frozen=True, slots=True)
class Recipe:
    """The columns that the model reads and what each is: ``number``, ``text`` or ``held`` (a yes/no service)."""

    kinds: Mapping[str, str]
    decimal_comma: bool = False

    def clean(self, block: Mapping[str, TextArray]) -> dict[str, TextArray]:
        """Return the model's columns of one block: numbers with nan, words with None, held services as Yes or No."""
        return {name: self._clean(kind, block[name]) for name, kind in self.kinds.items()}

    def without(self, names: list[str]) -> Recipe:
        """Return the recipe less some columns."""
        kept = {name: kind for name, kind in self.kinds.items() if name not in names}
        return Recipe(kept, self.decimal_comma)

    def _clean(self, kind: str, values: TextArray) -> TextArray:
        if kind == "number":
            return read_numbers(values, decimal_comma=self.decimal_comma).values
        words = as_text(values)
        return words if kind == "text" else held_words(words)


def learn_recipe(
    profile: Profile, services: tuple[str, ...], *, left: BoolArray, tenure: FloatArray, charge: FloatArray | None
) -> tuple[Recipe, list[Note]]:
    """Return the recipe for `profile` and a note for each column left out or repaired.

    `left`, `tenure` and `charge` belong to the rows of ``profile.sample``.
    """
    recipe, notes = _kinds(profile, services)
    ready = recipe.clean(profile.sample)
    for rule in (_follows_tenure, _follows_outcome):
        for name, why in rule(ready, left, tenure, charge):
            notes.append(_left_out(profile.columns[name], why))
            recipe = recipe.without([name])
            ready.pop(name)
    for name, why in _aliases(ready, recipe):
        notes.append(_left_out(profile.columns[name], why))
        recipe = recipe.without([name])
    kept = [profile.columns[name] for name in recipe.kinds]
    notes.extend(_repairs(column) for column in kept if _is_repaired(column, recipe))
    return recipe, notes


def _kinds(profile: Profile, services: tuple[str, ...]) -> tuple[Recipe, list[Note]]:
    kinds: dict[str, str] = {}
    notes: list[Note] = []
    for name in profile.described:
        column = profile.columns[name]
        if name in services and _is_held(column):
            kinds[name] = "held"
        elif column.is_date:
            notes.append(_left_out(column, "dates; give months before or since a day instead"))
        elif column.is_number and not (0 < len(column.levels) <= 1 and column.blanks == 0):
            kinds[name] = "number"
        elif name not in profile.sample or (column.crowded and not column.is_number):
            notes.append(_left_out(column, _why_crowded(column)))
        elif len(column.levels) <= 1 and column.blanks in (0, profile.n):
            notes.append(_left_out(column, "the same in every row"))
        else:
            kinds[name] = "text"
    return Recipe(kinds, profile.decimal_comma), notes


def _left_out(column: ColumnProfile, why: str) -> Note:
    blanks = f"; {column.blanks} of its cells are blank" if column.blanks else ""
    return Note(column.name, 1, f"column left out of the hazard: {why}{blanks}")


def _why_crowded(column: ColumnProfile) -> str:
    seen = column.numbers + column.words
    if column.numbers > column.words:
        share = f"{column.words:,} of {seen:,} cells are not numbers"
        return f"{share} (first: row {column.example_row}, {column.example!r}), more than 5 %"
    return f"more than {MAX_LEVELS} different texts, like an identifier or free text"


def _is_held(column: ColumnProfile) -> bool:
    return not column.crowded and all(held_cell(level) in (True, False) for level in column.levels)


def _follows_tenure(
    ready: Mapping[str, TextArray], left: BoolArray, tenure: FloatArray, charge: FloatArray | None
) -> list[tuple[str, str]]:
    del left
    found = []
    for name, values in ready.items():
        if values.dtype.kind != "f":
            if _share_of_tenure(values, tenure) > _TENURE_SHARE:
                found.append((name, "its levels follow the tenure, like a month or year of joining"))
        elif abs(_rank_correlation(values, tenure)) > _TENURE_RANK:
            found.append((name, "it rises and falls with the tenure itself"))
        elif charge is not None and _is_sum_over_tenure(values, tenure, charge):
            found.append((name, "a sum over the tenure (it follows tenure times charge)"))
    return found


def _is_sum_over_tenure(values: FloatArray, tenure: FloatArray, charge: FloatArray) -> bool:
    """Say whether a column follows tenure x charge, and not merely the charge."""
    whole = _rank_correlation(values, tenure * charge)
    return whole > _SUM_RANK and whole > _rank_correlation(values, charge) + 0.02


def _share_of_tenure(values: TextArray, tenure: FloatArray) -> float:
    """Return the share of the tenure's variance that lies between the levels of a column."""
    codes = _codes(values)
    counts = np.bincount(codes)
    if len(counts) >= 0.5 * len(codes):  # as many levels as customers explain anything
        return 0.0
    means = np.bincount(codes, weights=tenure) / np.maximum(counts, 1)
    total = float(((tenure - tenure.mean()) ** 2).sum())
    between = float((counts * (means - tenure.mean()) ** 2).sum())
    # less what levels explain by chance alone
    return (
        (between - (len(counts) - 1) * (total - between) / max(len(codes) - len(counts), 1)) / total if total else 0.0
    )


def _follows_outcome(
    ready: Mapping[str, TextArray], left: BoolArray, tenure: FloatArray, charge: FloatArray | None
) -> list[tuple[str, str]]:
    del tenure, charge
    if left.sum() < 10 or (~left).sum() < 10:
        return []
    why = "it all but names who left, so it was written down after the fact"
    return [(name, why) for name, values in ready.items() if _outcome_auc(values, left) > _OUTCOME_AUC]


def _outcome_auc(values: TextArray, left: BoolArray) -> float:
    if values.dtype.kind == "f":
        score = np.where(np.isnan(values), np.nanmedian(values) if not np.isnan(values).all() else 0.0, values)
        gone = np.isnan(values).astype(np.float64)
        return max(_auc(score, left), _auc(-score, left), _auc(gone, left), _auc(-gone, left))
    codes = _codes(values)
    rate = np.bincount(codes, weights=left) / np.maximum(np.bincount(codes), 1)
    return _auc(rate[codes], left)


def _aliases(ready: Mapping[str, TextArray], recipe: Recipe) -> list[tuple[str, str]]:
    """Name the numeric columns that the other columns give almost exactly, the best explained first."""
    found: list[tuple[str, str]] = []
    names = list(ready)
    numeric = [name for name in names if recipe.kinds[name] == "number"]
    if len(names) < 2 or not numeric:
        return found
    encoder = DesignEncoder(missing="indicator").fit(ready)
    matrix, sources = encoder.transform(ready), encoder.sources
    spread = matrix.std(axis=0)
    live = np.flatnonzero(spread > 0)
    scaled = (matrix[:, live] - matrix[:, live].mean(axis=0)) / spread[live]
    gram = scaled.T @ scaled / len(scaled)
    owner = [sources[j] for j in live]
    while True:
        share = [(_explained(gram, owner.index(name)), name) for name in numeric if name in owner]
        best, name = max(share, default=(0.0, ""))
        if best < _ALIAS_R2:
            return found
        found.append((name, f"the other columns give it almost exactly (R² {best:.3f})"))
        keep = [j for j, source in enumerate(owner) if source != name]
        gram, owner = gram[np.ix_(keep, keep)], [owner[j] for j in keep]


def _explained(gram: FloatArray, j: int) -> float:
    others = np.delete(np.arange(len(gram)), j)
    if len(others) == 0:
        return 0.0
    cross = gram[others, j]
    # a least-squares solution: the other columns may themselves be aliases of each other
    weights = np.linalg.lstsq(gram[np.ix_(others, others)], cross, rcond=1e-10)[0]
    return float(cross @ weights / gram[j, j])


def _is_repaired(column: ColumnProfile, recipe: Recipe) -> bool:
    if recipe.kinds[column.name] == "held":
        return False
    number = recipe.kinds[column.name] == "number"
    return column.blanks > 0 or (number and (column.words > 0 or column.respelled > 0))


def _repairs(column: ColumnProfile) -> Note:
    said = []
    if column.blanks:
        said.append(f"{column.blanks} blank")
    if column.is_number and column.words:
        said.append(f"{column.words} not a number (such as {column.example!r})")
    if column.is_number and column.respelled:
        said.append(f"{column.respelled} written with separators or signs and read as numbers")
    missing = column.blanks + (column.words if column.is_number else 0)
    action = "; missing values have an indicator of their own in the hazard" if missing else ""
    return Note(column.name, missing or column.respelled, ", ".join(said) + action)


def _rank_correlation(a: FloatArray, b: FloatArray) -> float:
    known = ~np.isnan(a) & ~np.isnan(b)
    if known.sum() < 10:
        return 0.0
    first, second = _ranks(a[known]), _ranks(b[known])
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / size if size > 0 else 0.0


def _ranks(values: FloatArray) -> FloatArray:
    """Return mid-ranks, so that ties share one."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[where]


def _auc(score: FloatArray, left: BoolArray) -> float:
    ranks = _ranks(score)
    gone, stay = left.sum(), (~left).sum()
    return float((ranks[left].sum() - gone * (gone + 1) / 2) / (gone * stay))


def _codes(values: TextArray) -> IntArray:
    import pandas as pd

    codes, _ = pd.factorize(values, use_na_sentinel=False)
    return np.asarray(codes, dtype=np.int64)
