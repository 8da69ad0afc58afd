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
from custval._pipeline.cells import as_text, read_numbers, word_counts
from custval._pipeline.settings import MONTHS_PER_UNIT, Settings
from custval._pipeline.source import Block, TableSource

__all__ = ("MAX_LEVELS", "ColumnProfile", "Profile", "profile_table")

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

    def add(self, values: TextArray) -> None:
        """Count the cells of one block."""
        read = read_numbers(values)
        self.blanks += int(read.blank.sum())
        self.words += int(read.unreadable.sum())
        self.numbers += int((~read.blank & ~read.unreadable).sum())
        self.respelled += read.respelled
        if self.example is None and read.unreadable.any():
            self.example = str(values[int(np.flatnonzero(read.unreadable)[0])])
        if not self.crowded:
            self._add_levels(values)

    def _add_levels(self, values: TextArray) -> None:
        for word, count in word_counts(values).items():
            self.levels[word] = self.levels.get(word, 0) + count
        if len(self.levels) > MAX_LEVELS:
            self.crowded = True
            self.levels.clear()

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
    duplicate: BoolArray
    id_blank: BoolArray
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
    columns = {name: ColumnProfile(name) for name in [*described, str(settings.tenure)]}
    reading = _Reading(settings, columns, described)
    blocks = source.blocks(source.columns)
    for block in track(blocks, progress=settings.progress, label="reading"):
        reading.add(block)
    return reading.finish(source.name)


class _Reading:
    """Accumulates the first reading, block by block."""

    def __init__(self, settings: Settings, columns: dict[str, ColumnProfile], described: list[str]) -> None:
        self.settings = settings
        self.columns = columns
        self.described = described
        self.rows = 0
        self.parts: list[tuple[np.ndarray, ...]] = []
        self.outcomes = _Codes(str(settings.event))
        self.causes = _Codes(str(settings.cause))
        self.sample = _Sample(settings.fit_rows, settings.random_state)

    def add(self, block: Block) -> None:
        n = len(next(iter(block.values())))
        tenure = read_numbers(block[str(self.settings.tenure)])
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
            duplicate=_repeats(hashed, id_blank) if self.settings.id else np.zeros(self.rows, dtype=bool),
            id_blank=id_blank,
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
        read = read_numbers(block[charge])
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
    """Gives each distinct word a code, -1 where nothing stands."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.words: list[str] = []
        self._code: dict[str | None, int] = {None: -1}

    def add(self, words: TextArray) -> np.ndarray:
        import pandas as pd

        local, distinct = pd.factorize(words, use_na_sentinel=True)
        for word in distinct:
            if word not in self._code:
                self._code[word] = len(self.words)
                self.words.append(word)
        if len(self.words) > _MAX_OUTCOMES:
            shown = ", ".join(map(repr, self.words[:3]))
            raise InputError(
                f"column {self.name!r} has more than {_MAX_OUTCOMES} different values ({shown}, ...); "
                "it should say in a few words who left, or why: is it the right column?"
            )
        codes = np.array([self._code[word] for word in distinct] + [-1], dtype=np.int16)
        return np.asarray(codes[local])


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


def _repeats(hashed: np.ndarray, blank: BoolArray) -> BoolArray:
    """Say which rows repeat the id of an earlier row."""
    order = np.argsort(hashed, kind="stable")
    repeated = np.zeros(len(hashed), dtype=bool)
    same = hashed[order][1:] == hashed[order][:-1]
    repeated[order[1:][same]] = True
    return repeated & ~blank


def iterate(source: TableSource, columns: list[str]) -> Iterator[tuple[int, Block]]:
    """Yield the first row's number and each block of the named columns."""
    start = 0
    for block in source.blocks(columns):
        yield start, block
        start += len(next(iter(block.values())))
