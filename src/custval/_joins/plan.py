"""Whom to contact, with which offer, within a budget and a number of contacts, at what expected profit.

A contact spends its own price and, where the offer is taken, the price of the offer: leavers whom the offer keeps
and all who would have stayed take it. The *expected* spending f + d (1 - p (1 - g)) is what a contact takes from the
budget, so that spending and profit of a contact add up to the value that it keeps, p g V. Without a save rate nobody
can say who takes the offer: each contact then takes f + d from the budget, customers are ranked by the value at risk
p V (by p where no value is known) and no profit is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_scalar, check_whole, float_array
from custval._core.wording import MINUS, SIGNS
from custval._retention.budget import Choice, choose_contacts, contenders
from custval._retention.contact import contact_profit, contact_profit_std_error, contact_spending

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Offer", "Plan", "PlanBuilder", "plan")

ABOVE_ZERO = {"expected_profit": "an expected profit", "value_at_risk": "a value at risk", "p_leave": "a risk"}


@public("retention")
@dataclass(frozen=True, slots=True)
class Offer:
    """What a contacted customer is offered.

    Attributes
    ----------
    name : str
        Name in the plan.
    cost : float
        Money that the offer costs when it is taken, >= 0.
    save_rate : float or None
        Share of the contacted leavers whom it keeps, 0..1; None where it is not known.
    save_rate_std_error : float or None
        Standard error of `save_rate`, >= 0; None where it is taken as known.

    Examples
    --------
    >>> from custval.retention import Offer
    >>> Offer("free month", 20.0, save_rate=0.2).save_rate
    0.2
    """

    name: str
    cost: float = 0.0
    save_rate: float | None = None
    save_rate_std_error: float | None = None

    def __post_init__(self) -> None:
        """Refuse a name that is no text, and prices and rates outside their range."""
        if not isinstance(self.name, str):
            raise InputError(f"name of an offer must be text, not {self.name!r}; write Offer('free month', cost=20.0)")
        check_scalar(self.cost, f"cost of offer {self.name!r}", low=0.0, high=np.inf, high_open=True)
        if self.save_rate is not None:
            check_scalar(self.save_rate, f"save_rate of offer {self.name!r}", low=0.0, high=1.0)
        if self.save_rate_std_error is not None:
            what = f"save_rate_std_error of offer {self.name!r}"
            check_scalar(self.save_rate_std_error, what, low=0.0, high=np.inf, high_open=True)


@public("retention")
@dataclass(frozen=True, slots=True, eq=False)
class Plan(Result):
    """The contact list, best contact first, and its totals.

    Attributes
    ----------
    rank : int array of shape (m,)
        1 for the contact of largest expected profit (value at risk, risk); ties by cost, then by row of the input.
    customer_id : array of shape (m,)
        As given.
    offer : object array of shape (m,)
        Name of the offer.
    cost : float array of shape (m,)
        Money that the contact is expected to spend.
    expected_profit : float array of shape (m,) or None
        Money that the contact is expected to earn after its cost; None without a save rate or a value.
    std_error : float array of shape (m,) or None
        Standard error of `expected_profit`, risk and value being independent where no covariance was given; None where
        no error was given.
    reason_1 : object array of shape (m,) or None
        First reason of the customer, in words.
    contacts : int
        Length of the list.
    customers : int
        Customers that were considered.
    total_cost : float
        Money that the list is expected to spend.
    total_profit : float or None
        Money that the list is expected to earn after its cost.
    total_std_error : float or None
        Standard error of `total_profit`, at most: an error of a save rate is shared by all who get the offer; errors of
        risk and value come from one model and are taken as moving together over customers, which is an upper bound.
        Without a covariance of risk and value it is a wide one (they move in opposite directions in a hazard model).
    best_possible : float or None
        No plan within the limits can be expected to earn more.
    budget : float or None
        Money that may be spent.
    capacity : int or None
        Contacts that may be made.
    ranked_by : str
        ``expected_profit``, ``value_at_risk`` or ``p_leave``.
    statement : str
        The plan in plain words.
    currency : str or None
        Currency of all money.

    Examples
    --------
    >>> from custval.retention import Offer, plan
    >>> made = plan(["ann", "bob"], [0.5, 0.4], [600.0, 300.0], offers=Offer("call", save_rate=0.2), contact_cost=2.0)
    >>> made.to_frame()[["rank", "customer_id", "offer", "cost", "expected_profit"]]
       rank customer_id offer  cost  expected_profit
    0     1         ann  call   2.0             58.0
    1     2         bob  call   2.0             22.0
    """

    rank: IntArray
    customer_id: TextArray
    offer: TextArray
    cost: FloatArray
    expected_profit: FloatArray | None
    std_error: FloatArray | None
    reason_1: TextArray | None
    contacts: int
    customers: int
    total_cost: float
    total_profit: float | None
    total_std_error: float | None
    best_possible: float | None
    budget: float | None
    capacity: int | None
    ranked_by: str
    statement: str
    currency: str | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return the seven columns of the list, rank to reason_1; what does not exist is missing."""
        import pandas as pd

        columns: dict[str, Any] = {
            "rank": self.rank,
            "customer_id": self.customer_id,
            "offer": self.offer,
            "cost": self.cost,
            "expected_profit": np.full(self.contacts, np.nan) if self.expected_profit is None else self.expected_profit,
            "std_error": np.full(self.contacts, np.nan) if self.std_error is None else self.std_error,
            "reason_1": np.full(self.contacts, None, dtype=object) if self.reason_1 is None else self.reason_1,
        }
        return pd.DataFrame(columns)


@public("retention")
def plan(
    customer_id: ArrayLike,
    p_leave: ArrayLike,
    value_at_stake: ArrayLike | None = None,
    *,
    offers: Offer | Sequence[Offer] | None = None,
    contact_cost: float = 0.0,
    budget: float | None = None,
    capacity: int | None = None,
    p_std_error: ArrayLike | None = None,
    value_std_error: ArrayLike | None = None,
    p_value_covariance: ArrayLike | None = None,
    reasons: ArrayLike | None = None,
    currency: str | None = None,
) -> Plan:
    """Return the contacts that earn the most within the budget and the number of contacts.

    Only contacts with an expected profit above zero are made. With offers of several prices, or risks that make the
    expected spending differ, the plan solves the linear relaxation of the knapsack but for its last contact, and
    offers what is left over to whoever still fits; ``best_possible`` says what no plan can exceed. A budget is kept to
    one part in 10^9.

    Parameters
    ----------
    customer_id : array-like of shape (n,)
        Name or number of each customer, handed through to the plan; each should stand once.
    p_leave : array-like of shape (n,)
        Probability of leaving within the horizon if nothing is done, 0..1.
    value_at_stake : array-like of shape (n,), optional
        Money that is lost if the customer leaves; any sign. Without it customers are ranked by `p_leave`.
    offers : Offer or sequence of Offer, optional
        What may be offered, at most one for each customer; default: a call that offers nothing, save rate unknown.
    contact_cost : float, default 0
        Money that one contact costs, >= 0.
    budget : float, optional
        Money that the contacts may be expected to spend, >= 0; default: no limit.
    capacity : int, optional
        Contacts that may be made, >= 0; default: no limit.
    p_std_error, value_std_error : array-like of shape (n,), optional
        Standard errors of `p_leave` and `value_at_stake`, >= 0; what is not given counts as known.
    p_value_covariance : array-like of shape (n,), optional
        Covariance of these two errors for each customer, money; without it they count as independent, which makes the
        errors of profits too large where risk and value come from one hazard model.
    reasons : array-like of shape (n,) or (n, r), optional
        Reasons in words, the first of which stands in the plan.
    currency : str, optional
        Name of the currency, for the statement.

    Returns
    -------
    Plan
        The list with its totals; empty where nobody is worth a contact or the budget pays for none.

    Raises
    ------
    InputError
        For probabilities or rates outside 0..1, negative money, missing numbers, columns of different lengths,
        several offers of which one has no save rate.

    Warns
    -----
    DataWarning
        If a customer stands in the plan more than once.

    References
    ----------
    Neslin and others (2006), Journal of Marketing Research 43, equation 1; Sinha and Zoltners (1979), Operations
    Research 27 (the frontier and its steps).

    Examples
    --------
    >>> from custval.retention import Offer, plan
    >>> made = plan(["ann", "bob", "cem"], [0.5, 0.1, 0.4], [600.0, 600.0, 300.0],
    ...             offers=Offer("free month", 20.0, save_rate=0.2), contact_cost=2.0, budget=30.0)
    >>> made.customer_id.tolist(), made.expected_profit.round(2).tolist(), made.cost.round(2).tolist()
    (['ann', 'cem'], [46.0, 8.4], [14.0, 15.6])
    >>> print(made.statement)
    2 of 3 customers are contacted; 29.60 of the budget of 30.00 is expected to be spent; expected profit 54.40.
    """
    builder = PlanBuilder(offers, contact_cost=contact_cost, budget=budget, capacity=capacity, currency=currency)
    builder.add(
        customer_id,
        p_leave,
        value_at_stake,
        p_std_error=p_std_error,
        value_std_error=value_std_error,
        p_value_covariance=p_value_covariance,
        reasons=reasons,
    )
    return builder.finish()


class PlanBuilder:
    """The plan of customers who arrive in blocks: it forgets those whom no later customer can bring back.

    With one limit (budget or contacts) every block that arrives only raises the bar, so what lies below it is
    dropped; with both, all contacts of positive profit are kept. The plan equals that of all blocks in one.
    """

    def __init__(
        self,
        offers: Offer | Sequence[Offer] | None = None,
        *,
        contact_cost: float = 0.0,
        budget: float | None = None,
        capacity: int | None = None,
        currency: str | None = None,
        keep_rows: int = 100_000,
    ) -> None:
        self.offers = _offers(offers)
        self.contact_cost = check_scalar(contact_cost, "contact_cost", low=0.0, high=np.inf, high_open=True)
        # an infinite budget is none
        self.budget = None if budget in (None, np.inf) else check_scalar(budget, "budget", low=0.0)
        self.capacity = None if capacity is None else check_whole(capacity, "capacity", low=0)
        self.currency = currency
        self.keep_rows = keep_rows
        self.customers = 0
        self._kept: dict[str, TextArray] = {}
        self._limit = keep_rows

    def add(
        self,
        customer_id: ArrayLike,
        p_leave: ArrayLike,
        value_at_stake: ArrayLike | None = None,
        *,
        p_std_error: ArrayLike | None = None,
        value_std_error: ArrayLike | None = None,
        p_value_covariance: ArrayLike | None = None,
        reasons: ArrayLike | None = None,
    ) -> None:
        """Consider a block of customers; a column given for one block must be given for all."""
        p = float_array(p_leave, "p_leave", low=0.0, high=1.0)
        block: dict[str, TextArray] = {"customer_id": np.asarray(customer_id), "p": p}
        for name, values, low in (
            ("value_at_stake", value_at_stake, -np.inf),
            ("p_std_error", p_std_error, 0.0),
            ("value_std_error", value_std_error, 0.0),
            ("p_value_covariance", p_value_covariance, -np.inf),
        ):
            if values is not None:
                block[name] = float_array(values, name, low=low)
        if reasons is not None:
            block["reason"] = _first_reasons(reasons)
        for name, column in block.items():
            check_length(column, len(p), name=name, other="p_leave")
        block["row"] = self.customers + np.arange(len(p))
        self._append(block)
        self.customers += len(p)

    def finish(self) -> Plan:
        """Return the plan of all customers seen."""
        gain, cost = self._gain_and_cost()
        budget = np.inf if self.budget is None else self.budget
        choice = choose_contacts(gain, cost, budget=budget, capacity=self.capacity)
        return self._plan(choice, gain, cost)

    def _append(self, block: dict[str, TextArray]) -> None:
        if self._kept and set(self._kept) != set(block):
            odd = sorted(set(self._kept) ^ set(block))
            raise InputError(f"{', '.join(odd)} must be given for every block or for none")
        parts = {name: [self._kept[name], block[name]] if self._kept else [block[name]] for name in block}
        self._kept = {name: np.concatenate(part) if len(part) > 1 else part[0] for name, part in parts.items()}
        if len(self._kept["row"]) > self._limit:
            self._forget()
            self._limit = max(self.keep_rows, 2 * len(self._kept["row"]))

    def _forget(self) -> None:
        gain, cost = self._gain_and_cost()
        if self.capacity is None and self.budget is not None:
            needed = contenders(gain, cost, self.budget)
        elif self.capacity is not None and self.budget is None:
            # one at least, so that an empty plan can say why
            needed = choose_contacts(gain, cost, budget=np.inf, capacity=max(self.capacity, 1)).row
        else:
            needed = np.flatnonzero((gain > 0).any(axis=1))
        self._kept = {name: column[needed] for name, column in self._kept.items()}

    def _ranked_by(self) -> str:
        if "value_at_stake" not in self._kept:
            return "p_leave"
        return "value_at_risk" if self.offers[0].save_rate is None else "expected_profit"

    def _gain_and_cost(self) -> tuple[FloatArray, FloatArray]:
        """Return what the plan maximises and what it spends, each (n, K)."""
        if not self._kept:
            return np.empty((0, 1)), np.empty((0, 1))
        p = self._kept["p"]
        ranked_by = self._ranked_by()
        if ranked_by != "expected_profit":
            gain = p if ranked_by == "p_leave" else p * self._kept["value_at_stake"]
            return gain[:, None], np.full((len(p), 1), self.contact_cost + self.offers[0].cost)
        value = self._kept["value_at_stake"]
        gains, costs = [], []
        for offer in self.offers:
            g = offer.save_rate or 0.0
            gains.append(contact_profit(p, value, save_rate=g, offer_cost=offer.cost, contact_cost=self.contact_cost))
            costs.append(contact_spending(p, g, offer.cost, self.contact_cost))
        return np.column_stack(gains), np.column_stack(costs)

    def _plan(self, choice: Choice, gain: FloatArray, cost: FloatArray) -> Plan:
        earned, spent = gain[choice.row, choice.offer], cost[choice.row, choice.offer]
        order = np.lexsort((choice.row, spent, -earned))
        row, offer = choice.row[order], choice.offer[order]
        claims = bool(self._kept) and self._ranked_by() == "expected_profit"
        errors = self._errors(row, offer) if claims else None
        profit = float(earned.sum()) if claims else None
        total_error = None if errors is None else self._total_error(row, offer)
        names = np.array([offer.name for offer in self.offers], dtype=object)
        _warn_of_repeats(self._kept["customer_id"][row] if self._kept else np.empty(0, dtype=object))
        money = float(spent.sum())
        return Plan(
            rank=frozen(np.arange(1, len(row) + 1)),
            customer_id=frozen(self._kept["customer_id"][row] if self._kept else np.empty(0, dtype=object)),
            offer=frozen(names[offer]),
            cost=frozen(spent[order]),
            expected_profit=frozen(earned[order]) if claims else None,
            std_error=None if errors is None else frozen(errors),
            reason_1=frozen(self._kept["reason"][row]) if "reason" in self._kept else None,
            contacts=len(row),
            customers=self.customers,
            total_cost=money,
            total_profit=profit,
            total_std_error=total_error,
            best_possible=max(choice.bound, profit) if profit is not None else None,
            budget=self.budget,
            capacity=self.capacity,
            ranked_by=self._ranked_by() if self._kept else "p_leave",
            statement=self._statement(len(row), money, profit, total_error) if len(row) else self._empty(gain, cost),
            currency=self.currency,
        )

    def _errors(self, row: IntArray, offer: IntArray, *, shared: bool = True) -> FloatArray | None:
        """Return the standard error of each contact; without the `shared` error of the save rate if asked."""
        rate_errors = np.array([o.save_rate_std_error or 0.0 for o in self.offers])
        known = any(o.save_rate_std_error is not None for o in self.offers)
        if not known and not {"p_std_error", "value_std_error"} & set(self._kept):
            return None
        zeros = np.zeros(len(row))
        return contact_profit_std_error(
            self._kept["p"][row],
            self._kept["value_at_stake"][row],
            save_rate=np.array([o.save_rate for o in self.offers], dtype=np.float64)[offer],
            offer_cost=np.array([o.cost for o in self.offers])[offer],
            p_std_error=self._kept["p_std_error"][row] if "p_std_error" in self._kept else zeros,
            value_std_error=self._kept["value_std_error"][row] if "value_std_error" in self._kept else zeros,
            p_value_covariance=self._kept["p_value_covariance"][row] if "p_value_covariance" in self._kept else None,
            save_rate_std_error=rate_errors[offer] if shared else zeros,
        )

    def _total_error(self, row: IntArray, offer: IntArray) -> float:
        """Return the error of the total: models' errors move together, save rates are shared within an offer."""
        own = self._errors(row, offer, shared=False)
        total = 0.0 if own is None else float(own.sum()) ** 2
        p, value = self._kept["p"][row], self._kept["value_at_stake"][row]
        for k, one in enumerate(self.offers):
            kept = float((p * (value - one.cost))[offer == k].sum())
            total += (kept * (one.save_rate_std_error or 0.0)) ** 2
        return float(np.sqrt(total))

    def _statement(self, contacts: int, money: float, profit: float | None, error: float | None) -> str:
        limit = "" if self.budget is None else f" of the budget of {self._money(self.budget)}"
        parts = [
            f"{contacts:,} of {self.customers:,} customers {'is' if contacts == 1 else 'are'} contacted",
            f"{self._money(money)}{limit} is expected to be spent",
        ]
        if profit is not None:
            bounded = {"p_std_error", "value_std_error"} & set(self._kept)
            most = "at most " if bounded else ""
            within = "" if error is None else f" (standard error {most}{self._money(error)})"
            parts.append(f"expected profit {self._money(profit)}{within}")
        else:
            parts.append(self._no_claim())
        return "; ".join(parts) + "."

    def _money(self, amount: float) -> str:
        if self.currency in SIGNS:
            return f"{MINUS if amount < 0 else ''}{self.currency}{abs(amount):,.2f}"
        return f"{amount:,.2f} {self.currency}" if self.currency else f"{amount:,.2f}"

    def _no_claim(self) -> str:
        if self._ranked_by() == "p_leave":
            return "ranked by the risk of leaving, since no value is known, so no profit is claimed"
        return "ranked by value at risk, since no save rate is known, so no profit is claimed"

    def _empty(self, gain: FloatArray, cost: FloatArray) -> str:
        return f"Nobody is contacted: {self._why_empty(gain, cost)}."

    def _why_empty(self, gain: FloatArray, cost: FloatArray) -> str:
        if not self.customers:
            return "there are no customers"
        worth = gain > 0
        if not worth.any():
            return f"no contact has {ABOVE_ZERO[self._ranked_by()]} above zero"
        if self.capacity == 0:
            return "the capacity is 0 contacts"
        least = self._money(float(cost[worth].min()))
        return f"the budget of {self._money(self.budget or 0.0)} is less than one contact, at least {least}"


def _offers(offers: Offer | Sequence[Offer] | None) -> tuple[Offer, ...]:
    given = (Offer("retention call"),) if offers is None else (offers,) if isinstance(offers, Offer) else tuple(offers)
    if not given or not all(isinstance(offer, Offer) for offer in given):
        raise InputError("offers must be one Offer or a non-empty sequence of them")
    names = [offer.name for offer in given]
    if len(set(names)) < len(names):
        raise InputError(f"offers must have different names, not {names}")
    unknown = [offer.name for offer in given if offer.save_rate is None]
    if unknown and len(given) > 1:
        raise InputError(
            f"offer {unknown[0]!r} has no save_rate, so it cannot be weighed against the others; give every offer a "
            "save_rate, or give one offer alone"
        )
    return given


def _warn_of_repeats(listed: TextArray) -> None:
    """Say how many contacts go to somebody who stands on the list already."""
    again = len(listed) - len(set(listed.tolist()))
    if again:
        warn(
            f"{again} of {len(listed)} contacts of the plan go to a customer_id that stands in it already; keep one "
            "row for each customer"
        )


def _first_reasons(reasons: Any) -> TextArray:
    words = np.asarray(reasons, dtype=object)
    if words.ndim == 1:
        return words
    return words[:, 0] if words.shape[1] else np.full(len(words), None, dtype=object)
