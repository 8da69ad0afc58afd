"""The first reading of a flat table: who counts, what each column is, and a sample to fit on.

It keeps some forty bytes for each row (tenure, outcome, cause, charge, a hash of the id) and never the row itself,
except for a random sample of at most ``fit_rows`` rows; a table with fewer rows is its own sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from custval._core.errors import InputError
from custval._core.progress import track
from custval._core.typing import BoolArray, FloatArray, IntArray, TextArray
from custval._pipeline.cells import as_text, has_decimal_comma, is_blank, is_date, read_numbers, word_counts
from custval._pipeline.settings import MONTHS_PER_UNIT, Settings
from custval._pipeline.source import Block, TableSource

__all__ = ("MAX_LEVELS", "ColumnProfile", "Profile", "iterate", "profile_table", "repeats")

MAX_LEVELS = 60
_MAX_OUTCOMES = 50
_SHARED_WORDS = 10_000


@dataclass(slots=True)
class ColumnProfile:
    """What was seen in one column so far."""

    name: str
    numbers: int = 0
    blanks: int = 0
    words: int = 0
    respelled: int = 0
    levels: dict[str, int] = field(default_factory=dict)
    crowded: bool = False
    example: str | None = None
    example_row: int = 0
    rows: int = 0
    dates: int = 0
    decimal_comma: bool = False

    def add(self, values: TextArray) -> None:
        """Count the cells of one block."""
        read = read_numbers(values, decimal_comma=self.decimal_comma)
        self.blanks += int(read.blank.sum())
        self.words += int(read.unreadable.sum())
        self.numbers += int((~read.blank & ~read.unreadable).sum())
        self.respelled += read.respelled
        if self.example is None and read.unreadable.any():
            first = int(np.flatnonzero(read.unreadable)[0])
            self.example, self.example_row = str(values[first]), self.rows + first
        self.rows += len(values)
        if values.dtype.kind in "mM":
            self.dates += len(values)
        elif read.unreadable.any():
            self.dates += sum(count for word, count in word_counts(values).items() if is_date(word))
        if not self.crowded:
            self._add_levels(values)

    def _add_levels(self, values: TextArray) -> None:
        for word, count in word_counts(values).items():
            self.levels[word] = self.levels.get(word, 0) + count
        if len(self.levels) > MAX_LEVELS:
            self.crowded = True
            self.levels.clear()

    @property
    def is_date(self) -> bool:
        """Whether at least 95 % of what stands here are dates."""
        return self.dates > 0 and self.dates >= 0.95 * (self.rows - self.blanks)

    @property
    def is_number(self) -> bool:
        """Whether at least 95 % of what stands here reads as numbers; the rest counts as missing."""
        return self.numbers > 0 and self.words <= 0.05 * (self.numbers + self.words)


@dataclass(slots=True)
class Profile:
    """The table as the first reading found it; row arrays have one element for each row of the table."""

    tenure: FloatArray
    tenure_blank: BoolArray
    tenure_wrong: BoolArray
    outcome: np.ndarray
    outcomes: list[str]
    cause: np.ndarray
    causes: list[str]
    charge: FloatArray
    charge_blank: BoolArray
    id_hash: np.ndarray
    id_blank: BoolArray
    decimal_comma: bool
    respelled_outcomes: int
    columns: dict[str, ColumnProfile]
    described: list[str]
    sample: Block
    sample_rows: IntArray

    @property
    def n(self) -> int:
        """Rows of the table."""
        return len(self.tenure)


def profile_table(source: TableSource, settings: Settings) -> Profile:
    """Read `source` once; see :class:`Profile`."""
    roles = {settings.id, settings.tenure, settings.event, settings.cause}
    described = [name for name in source.columns if name not in roles and name not in settings.ignore]
    comma = _has_decimal_comma(source)
    names = [*described, str(settings.tenure), *([settings.charge] if isinstance(settings.charge, str) else [])]
    columns = {name: ColumnProfile(name, decimal_comma=comma) for name in names}
    reading = _Reading(settings, columns, described, decimal_comma=comma)
    blocks = source.blocks(source.columns)
    for block in track(blocks, progress=settings.progress, label="reading"):
        reading.add(block)
    return reading.finish(source.name)


def _has_decimal_comma(source: TableSource) -> bool:
    first = next(iter(source.blocks(source.columns)), None)
    return first is not None and has_decimal_comma(first.values(), delimiter=source.delimiter)


class _Reading:
    """Accumulates the first reading, block by block."""

    def __init__(
        self, settings: Settings, columns: dict[str, ColumnProfile], described: list[str], *, decimal_comma: bool
    ) -> None:
        self.settings = settings
        self.decimal_comma = decimal_comma
        self.columns = columns
        self.described = described
        self.rows = 0
        self.parts: list[tuple[np.ndarray, ...]] = []
        self.outcomes = _Codes(str(settings.event))
        self.causes = _Codes(str(settings.cause))
        self.sample = _Sample(settings.fit_rows, settings.random_state)

    def add(self, block: Block) -> None:
        n = len(next(iter(block.values())))
        tenure = read_numbers(block[str(self.settings.tenure)], decimal_comma=self.decimal_comma)
        charge = self._charge(block, n)
        ids = self._ids(block, n)
        outcome = self.outcomes.add(as_text(block[str(self.settings.event)]))
        cause = (
            self.causes.add(as_text(block[self.settings.cause]))
            if self.settings.cause
            else np.full(n, -1, dtype=np.int16)
        )
        scale = MONTHS_PER_UNIT[self.settings.tenure_unit]
        self.parts.append(
            (tenure.values * scale, tenure.blank, tenure.unreadable, outcome, cause, charge[0], charge[1], *ids)
        )
        for name, column in self.columns.items():
            column.add(block[name])
        told = [name for name in self.described if self.columns[name].is_number or not self.columns[name].crowded]
        self.sample.add({name: block[name] for name in told}, self.rows, n)
        self.rows += n

    def finish(self, name: str) -> Profile:
        if self.rows == 0:
            raise InputError(f"{name} has a header but no customers; it needs one row for each customer")
        merged = [np.concatenate(part) for part in zip(*self.parts, strict=True)]
        tenure, blank, wrong, outcome, cause, charge, charge_blank, hashed, id_blank = merged
        sample, sample_rows = self.sample.finish()
        return Profile(
            tenure=tenure,
            tenure_blank=blank,
            tenure_wrong=wrong,
            outcome=outcome,
            outcomes=self.outcomes.words,
            cause=cause,
            causes=self.causes.words,
            charge=charge,
            charge_blank=charge_blank,
            id_hash=hashed,
            id_blank=id_blank,
            decimal_comma=self.decimal_comma,
            respelled_outcomes=self.outcomes.respelled,
            columns=self.columns,
            described=self.described,
            sample=sample,
            sample_rows=sample_rows,
        )

    def _charge(self, block: Block, n: int) -> tuple[FloatArray, BoolArray]:
        charge = self.settings.charge
        if charge is None:
            return np.zeros(n), np.zeros(n, dtype=bool)
        if not isinstance(charge, str):
            return np.full(n, float(charge)), np.zeros(n, dtype=bool)
        read = read_numbers(block[charge], decimal_comma=self.decimal_comma)
        return read.values, read.blank | read.unreadable

    def _ids(self, block: Block, n: int) -> tuple[np.ndarray, BoolArray]:
        if self.settings.id is None:
            return np.zeros(n, dtype=np.uint64), np.zeros(n, dtype=bool)
        import pandas as pd

        words = as_text(block[self.settings.id])
        gone = np.array([word is None for word in words.tolist()], dtype=bool)
        hashed = pd.util.hash_array(np.where(gone, "", words).astype(object), categorize=False)
        return np.asarray(hashed, dtype=np.uint64), gone


class _Codes:
    """Gives each distinct word a code whatever its case, -1 where nothing stands; counts words in another case."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.words: list[str] = []
        self.respelled = 0
        self._code: dict[str, int] = {}

    def add(self, words: TextArray) -> np.ndarray:
        import pandas as pd

        local, distinct = pd.factorize(words, use_na_sentinel=True)
        table = np.full(len(distinct) + 1, -1, dtype=np.int16)
        for place, word in enumerate(distinct):
            if not is_blank(word):
                table[place] = self._of(word)
        if len(self.words) > _MAX_OUTCOMES:
            raise InputError(
                f"column {self.name!r} has more than {_MAX_OUTCOMES} different values; it should say in a few "
                "words who "
                "left, or why: is it the right column?"
            )
        spelled = np.array([at >= 0 and self.words[at] != word for at, word in zip(table, distinct, strict=False)])
        self.respelled += int(spelled[local[local >= 0]].sum()) if len(distinct) else 0
        return np.asarray(table[local])

    def _of(self, word: str) -> int:
        folded = word.casefold()
        if folded not in self._code:
            self._code[folded] = len(self.words)
            self.words.append(word)
        return self._code[folded]


class _Sample:
    """A uniform random sample of rows without knowing how many rows will come."""

    def __init__(self, most: int, seed: int) -> None:
        self._most = most
        self._random = np.random.default_rng(seed)
        self._parts: list[Block] = []
        self._keys: list[FloatArray] = []
        self._rows: list[IntArray] = []
        self._limit = 1.0
        self._words: dict[str, dict[object, object]] = {}

    def add(self, block: Block, start: int, n: int) -> None:
        keys = self._random.random(n)
        keep = np.flatnonzero(keys < self._limit)
        self._parts.append({name: self._shared(name, values[keep]) for name, values in block.items()})
        self._keys.append(keys[keep])
        self._rows.append(start + keep)
        if sum(map(len, self._keys)) > 2 * self._most:
            self._prune()

    def finish(self) -> tuple[Block, IntArray]:
        if sum(map(len, self._keys)) > self._most:
            self._prune()
        return self._merged(), np.concatenate(self._rows)

    def _shared(self, name: str, values: TextArray) -> TextArray:
        """Return the cells with equal words as one object, so that a column of a few words costs a pointer a row."""
        if values.dtype != object:
            return values
        words = self._words.setdefault(name, {})
        if len(words) > _SHARED_WORDS:
            return values
        shared = np.empty(len(values), dtype=object)
        shared[:] = [words.setdefault(cell, cell) for cell in values.tolist()]
        return shared

    def _prune(self) -> None:
        keys = np.concatenate(self._keys)
        self._limit = float(np.partition(keys, self._most)[self._most])
        keep = keys < self._limit
        merged, row = self._merged(), np.concatenate(self._rows)
        self._parts = [{name: values[keep] for name, values in merged.items()}]
        self._keys, self._rows = [keys[keep]], [row[keep]]

    def _merged(self) -> Block:
        names = [name for name in self._parts[0] if all(name in part for part in self._parts)]
        return {name: _joined([part[name] for part in self._parts]) for name in names}


def _joined(parts: list[TextArray]) -> TextArray:
    """Join parts of one column; numbers in one block and text in the next meet as objects."""
    kinds = {part.dtype.kind for part in parts}
    if len(kinds) > 1 and not kinds <= set("iuf"):
        parts = [part.astype(object) for part in parts]
    return np.concatenate(parts)


def repeats(hashed: np.ndarray, among: BoolArray) -> BoolArray:
    """Say which of the rows `among` repeat the id of an earlier one of them."""
    rows = np.flatnonzero(among)
    order = rows[np.argsort(hashed[rows], kind="stable")]
    repeated = np.zeros(len(hashed), dtype=bool)
    same = hashed[order[1:]] == hashed[order[:-1]]
    repeated[order[1:][same]] = True
    return repeated


def iterate(source: TableSource, columns: list[str]) -> Iterator[tuple[int, Block]]:
    """Yield the first row's number and each block of the named columns."""
    start = 0
    for block in source.blocks(columns):
        yield start, block
        start += len(next(iter(block.values())))
