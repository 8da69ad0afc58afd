"""Every current customer through the fitted hazard and the value function, block by block, kept in few bytes.

Ids are kept as UTF-8 bytes and reasons as codes, so that some hundred bytes hold a customer and the files can be
written block by block afterwards, when the quadrants and the plan are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from custval._clv.discount import discounted_value
from custval._clv.value import lifetime_value
from custval._core.errors import InputError
from custval._core.typing import FloatArray, IntArray, TextArray
from custval._joins.stake import value_at_stake
from custval._pipeline.cases import Cases, ScoreBlock
from custval._pipeline.settings import Settings

__all__ = ("ALERT_MONTHS", "REASONS", "Z95", "Ids", "Money", "Scores", "money_of", "score_base")

ALERT_MONTHS = 3
Z95 = 1.959963984540054  # half width of a 95 % interval in standard errors
REASONS = 3
_MAX_SERVICES = 63


class Ids:
    """Ids as they came: whole numbers as such, all others as UTF-8 bytes in parts of one width each."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []

    def add(self, ids: TextArray) -> None:
        """Append ids."""
        whole = ids.dtype.kind in "iu"
        self._parts.append(ids.astype(np.int64) if whole else np.char.encode(ids.astype(str), "utf-8"))

    def __len__(self) -> int:
        """Return the number of ids."""
        return sum(map(len, self._parts))

    def of(self, rows: IntArray) -> TextArray:
        """Return the ids of some rows: whole numbers, or text."""
        starts = np.cumsum([0, *map(len, self._parts)])
        whole = all(part.dtype.kind == "i" for part in self._parts)
        found = np.empty(len(rows), dtype=np.int64 if whole else object)
        part = np.searchsorted(starts, rows, side="right") - 1
        for p in np.unique(part):
            mine = part == p
            ids = self._parts[p][rows[mine] - starts[p]]
            found[mine] = ids if whole else _decoded(ids)
        return found


def _decoded(ids: np.ndarray) -> TextArray:
    return ids.astype(str).astype(object) if ids.dtype.kind == "i" else np.char.decode(ids, "utf-8").astype(object)


@dataclass(slots=True, eq=False)
class Scores:
    """One element for each current customer; money arrays are None where no charge is known.

    `total_gradient` is the gradient of the total value by the hazard's parameters; `basket` holds one bit for each
    service; `reason` holds codes of `reason_words`, -1 where a customer has fewer reasons.
    """

    ids: Ids
    p_leave: FloatArray
    p_cause: FloatArray
    months: FloatArray
    given: FloatArray
    reason: IntArray
    reason_words: list[str]
    basket: np.ndarray | None
    margin: FloatArray | None
    annuity: FloatArray | None
    value: FloatArray | None
    std_error: FloatArray | None
    stake: FloatArray | None
    unseen: dict[str, int]
    by_cause: FloatArray
    total_std_error: float

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.p_leave)


@dataclass(frozen=True, slots=True, eq=False)
class Money:
    """The money of each customer: margin a month, worth of one unit a month, value."""

    margin: FloatArray
    annuity: FloatArray
    value: FloatArray


def money_of(scores: Scores) -> Money:
    """Return the money of `scores`; only where a charge is known."""
    if scores.margin is None or scores.annuity is None or scores.value is None:
        raise InputError("no charge was given, so nothing can be said in money")
    return Money(scores.margin, scores.annuity, scores.value)


def score_base(model: Any, cases: Cases, settings: Settings) -> Scores:
    """Score every block of `cases`."""
    if len(cases.services) > _MAX_SERVICES:
        raise InputError(f"{len(cases.services)} services were given; at most {_MAX_SERVICES} can be counted together")
    words, ids, unseen = _Words(), Ids(), Unseen(model)
    parts: list[dict[str, Any]] = []
    for block in cases.blocks():
        ids.add(block.ids)
        unseen.add(block.X)
        parts.append(_score_block(model, block, cases, settings, words))
    if not parts:
        raise InputError("there is no current customer to score")
    gradient = np.sum([part.pop("gradient") for part in parts], axis=0)
    by_cause = np.sum([part.pop("by_cause") for part in parts], axis=0)
    # each part is let go as soon as it is joined, so that no more than one column stands twice
    merged = {name: _merge([part.pop(name) for part in parts]) for name in list(parts[0])}
    variance = float(gradient @ model.covariance_ @ gradient) if cases.has_money else 0.0
    return Scores(
        ids=ids,
        reason_words=words.words,
        unseen=unseen.counts,
        by_cause=by_cause,
        total_std_error=float(np.sqrt(max(variance, 0.0))),
        **merged,
    )


def _score_block(model: Any, block: ScoreBlock, cases: Cases, settings: Settings, words: _Words) -> dict[str, Any]:
    horizon = settings.horizon
    months = np.arange(1, horizon + 1)
    reasons = words.codes(model.reasons(block.X, top=REASONS))
    block = replace(block, X=model.encoder_.design(block.X))  # coded once for the many questions below
    survival = model.predict_survival(block.X, months, given=block.given)
    incidence = model.predict_incidence(block.X, [ALERT_MONTHS], given=block.given)[:, :, 0]
    scored: dict[str, Any] = {
        "p_leave": 1.0 - survival[:, ALERT_MONTHS - 1],
        "p_cause": incidence,
        "months": 1.0 + survival[:, :-1].sum(axis=1),
        "given": block.given.astype(np.float32),
        "reason": reasons,
        "basket": None if block.held is None else _packed(block.held),
    }
    return {**scored, **_money(model, block, survival, cases, settings)}


def _money(model: Any, block: ScoreBlock, survival: FloatArray, cases: Cases, settings: Settings) -> dict[str, Any]:
    names = ("margin", "annuity", "value", "std_error", "stake")
    if block.margin is None:
        return {**dict.fromkeys(names), "by_cause": np.zeros(len(model.causes_)), "gradient": np.zeros(1)}
    discount = settings.monthly_discount
    worth = lifetime_value(
        model,
        block.X,
        margin=block.margin,
        horizon=settings.horizon,
        monthly_discount=discount,
        given=block.given,
        loss_at_exit={cause: loss for cause, loss in cases.loss_at_exit.items() if cause in model.causes_} or None,
        currency=settings.currency,
    )
    return {
        "margin": block.margin,
        "annuity": discounted_value(survival, 1.0, monthly_discount=discount).astype(np.float32),
        "value": worth.value,
        "std_error": worth.std_error.astype(np.float32) if worth.std_error is not None else None,
        "stake": value_at_stake(survival, block.margin, monthly_discount=discount, alert_months=ALERT_MONTHS),
        "by_cause": worth.by_cause,
        "gradient": worth.total_gradient,
    }


def _packed(held: np.ndarray) -> np.ndarray:
    bits = np.left_shift(np.uint64(1), np.arange(held.shape[1], dtype=np.uint64))
    return np.asarray((held * bits).sum(axis=1, dtype=np.uint64))


def _merge(parts: list[Any]) -> Any:
    return None if parts[0] is None else np.concatenate(parts)


class Unseen:
    """Counts the customers whose level of a column was not among those fitted on: scored as the reference level."""

    def __init__(self, model: Any) -> None:
        self._levels = {
            spec["name"]: {*spec["levels"], None} for spec in model.encoder_.columns if spec["kind"] == "text"
        }
        self.counts: dict[str, int] = {}

    def add(self, X: Any) -> None:
        """Count the rows of one block."""
        for name, levels in self._levels.items():
            cells = X[name].tolist()
            new = set(cells) - levels
            if new:
                self.counts[name] = self.counts.get(name, 0) + sum(cell in new for cell in cells)


class _Words:
    """Gives each distinct reason a code."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._code: dict[str | None, int] = {None: -1}

    def codes(self, reasons: Any) -> np.ndarray:
        """Return the codes of reasons in words, shape (n, REASONS)."""
        import pandas as pd

        text = reasons.words
        local, distinct = pd.factorize(text.ravel(), use_na_sentinel=True)
        for word in distinct:
            if word not in self._code:
                self._code[word] = len(self.words)
                self.words.append(word)
        table = np.array([self._code[word] for word in distinct] + [-1], dtype=np.int32)
        found = np.full((len(text), REASONS), -1, dtype=np.int32)
        found[:, : text.shape[1]] = table[local].reshape(text.shape)
        return found


def unpacked(basket: np.ndarray, services: int) -> np.ndarray:
    """Return bit masks as booleans, shape (n, services)."""
    bits = np.arange(services, dtype=np.uint64)
    return ((basket[:, None] >> bits) & np.uint64(1)).astype(bool)


def blocks_of(n: int, size: int) -> Iterator[IntArray]:
    """Yield the row numbers of each block of `size` rows."""
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))
