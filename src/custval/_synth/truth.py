"""What really drives a world: hazards, effects and values that no operator ever sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.block import Block
from custval._synth.hazard import coefficient_matrix, leaving_probabilities, months_to_end
from custval._synth.months import NEVER, Panel, state, unpaid_probability
from custval._synth.offers import offer_truth
from custval._synth.population import FIRST_ID, Population
from custval._synth.scenario import CAUSES, COVARIATES, Scenario
from custval._synth.services import planted_rules, planted_sequences
from custval._synth.topups import all_topups, probability_alive
from custval._synth.winbacks import winback_truth

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Truth", "join_truths", "make_truth")

HORIZON = 12
MONTHLY_DISCOUNT = 0.01


@public("synth")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Truth(Result):
    """The truth behind a world of n subscribers, M months and K causes.

    Attributes
    ----------
    subscriber_id : ndarray of int64, shape (n,)
        Whom each row below is about.
    causes : tuple of str, length K
        Causes of leaving, in the order of every K axis.
    coefficients : dict of dict
        ``coefficients[cause][covariate]`` of the multinomial logit of leaving in a month, against staying. The
        covariates are those at the end of the month before: one_year, two_years, contract_ending, autopay, arrears
        (last bill unpaid) are 0 or 1; log_tenure is ``log(1 + months) - 3``; complaints counts three months;
        bill_shock is the last bill over the mean of the three before, minus 1, within 0..1; usage_decline is the
        share of outgoing use lost to erosion; price_sensitivity and dissatisfaction are latent standard normals;
        departed_tie is 1 where one of those called most has left lately (contagion only). In the month in which a
        company leaves, a member goes with it by the parameter group_leaving_probability, else by the logit.
    hazard : ndarray, shape (n, M, K)
        P(leaves in month m by cause k | there at its beginning); 0 where the subscriber was not at risk.
    at_risk : ndarray of bool, shape (n, M)
        Who could leave in which month: joined in an earlier month and still there.
    satisfaction, price_sensitivity : ndarray, shape (n,)
        Latent, standard normal.
    erosion_month : ndarray of int64, shape (n,)
        First month of lower outgoing use (1 = first month of the world); 0 without erosion.
    treatment_log_odds : ndarray, shape (n,)
        What the save offer adds to the log-odds of leaving voluntarily, in the campaign month and the next two.
    treatment_effect : ndarray, shape (n,)
        P(leaves within 3 months | offer) - P(... | none), with the state of the campaign month held: negative
        saves, positive drives away. 0 for those outside the campaign.
    p_leave_3m : ndarray, shape (n,)
        P(leaves by any cause in the 3 months after the end), 0 for those gone.
    expected_margin : ndarray, shape (n,)
        Expected monthly margin (money) ahead: mean margin of the last (up to) 3 months before the end.
    value : ndarray, shape (n,)
        Expected discounted margin of the 12 months after the end, ``expected_margin * sum_t S(t) / 1.01**t``.
        S(t) runs tenure and contract clock on and holds the rest of the state. 0 for those gone.
    rules : tuple of dict
        Planted pairs of services: antecedent, consequent, support, confidence, lift, all in closed form.
    sequences : tuple of dict
        Planted orders of adoption: first, then, probability that the one is taken before the other, lift.
    departure_time : ndarray of int64, shape (n,)
        Epoch seconds at which a subscriber really left, prepaid ones too; -1 for those who are still there.
    p_alive : ndarray, shape (n,)
        P(still there at the end | the list of top-ups), given the true rate and hazard, for prepaid subscribers; 0
        or 1 for the others, who give notice.
    topup_rate, topup_mean : ndarray, shape (n,)
        True top-ups per month (30.4375 days) and mean amount (money) while there; 0 for those not prepaid.
    unpaid_probability : ndarray, shape (n,)
        P(a bill stays unpaid).
    group_month : ndarray of int64, shape (n,)
        Month in which the subscriber's company leaves together; 0 for none.
    groups : tuple of dict
        Companies that left together: account_id, members, month, departures.
    departed_tie : ndarray of bool, shape (n, M)
        Whether one of those called most had left in the three months before (contagion only).
    propensity : ndarray, shape (n,)
        P(treated) in the save campaign, 0 outside it.
    offer_effect : ndarray, shape (n,)
        P(buys | cross-sell offer) - P(buys | none); 0 outside the offer.
    offer_propensity : ndarray, shape (n,)
        P(offered) by lot or by agents; 0 outside the offer.
    winback_chance : ndarray, shape (n,)
        P(wants back | offer made or not, as it was); 0 for those who did not leave by own will.
    returned_as : ndarray of int64, shape (n,)
        The subscriber_id of the second life, -1 for none.

    Examples
    --------
    >>> from custval.synth import TelecomWorld
    >>> truth = TelecomWorld(n_subscribers=100, months=6).simulate().truth
    >>> truth.coefficients["voluntary"]["complaints"]
    0.55
    >>> rule = truth.rules[0]
    >>> rule["antecedent"], rule["consequent"], round(rule["lift"], 1)
    ('roam_eu', 'roam_world', 4.7)
    """

    subscriber_id: IntArray
    causes: tuple[str, ...]
    coefficients: Mapping[str, Mapping[str, float]]
    hazard: FloatArray
    at_risk: BoolArray
    satisfaction: FloatArray
    price_sensitivity: FloatArray
    erosion_month: IntArray
    treatment_log_odds: FloatArray
    treatment_effect: FloatArray
    p_leave_3m: FloatArray
    expected_margin: FloatArray
    value: FloatArray
    rules: tuple[Mapping[str, str | float], ...]
    sequences: tuple[Mapping[str, str | float], ...]
    departure_time: IntArray
    p_alive: FloatArray
    topup_rate: FloatArray
    topup_mean: FloatArray
    unpaid_probability: FloatArray
    group_month: IntArray
    groups: tuple[Mapping[str, int], ...]
    departed_tie: BoolArray
    propensity: FloatArray
    offer_effect: FloatArray
    offer_propensity: FloatArray
    winback_chance: FloatArray
    returned_as: IntArray

    def __repr__(self) -> str:
        """Return a line of sizes."""
        n, months, _ = self.hazard.shape
        return f"Truth({n} subscribers, {months} months, causes {', '.join(self.causes)})"

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each subscriber: the one-dimensional columns of the truth."""
        return Result.to_frame(self)


def make_truth(block: Block) -> Truth:
    """Gather the truth of a block and value each customer at the end of the world."""
    people, panel, setting = block.people, block.panel, block.setting
    matrix = coefficient_matrix(setting.scenario)
    survival, margin = _outlook(people, panel, setting.scenario, matrix, setting.months)
    discount = (1.0 + MONTHLY_DISCOUNT) ** -np.arange(1.0, HORIZON + 1)
    named: dict[str, dict[str, float]] = {}
    for cause, row in zip(CAUSES, matrix.tolist(), strict=True):
        named[cause] = dict(zip(COVARIATES, row, strict=True))
    ids = FIRST_ID + block.first + np.arange(len(people), dtype=np.int64)
    offered, back = offer_truth(block), winback_truth(block)
    n = len(people)
    return Truth(
        subscriber_id=frozen(ids),
        causes=CAUSES,
        coefficients=named,
        hazard=frozen(panel.hazard),
        at_risk=frozen(panel.at_risk),
        satisfaction=frozen(people.satisfaction),
        price_sensitivity=frozen(people.price_sensitivity),
        erosion_month=frozen(panel.erosion_month),
        treatment_log_odds=frozen(people.treatment),
        treatment_effect=frozen(panel.treatment_effect),
        p_leave_3m=frozen(np.where(survival[:, 0] > 0, 1.0 - survival[:, 2], 0.0)),
        expected_margin=frozen(margin),
        value=frozen(margin * (survival @ discount)),
        rules=tuple(planted_rules(setting.scenario)),
        sequences=tuple(planted_sequences(setting.scenario, setting.behaviours)),
        departure_time=frozen(np.where(panel.departed == NEVER, -1, panel.departed)),
        p_alive=frozen(_alive(block)),
        topup_rate=frozen(people.topup_rate),
        topup_mean=frozen(people.topup_mean),
        unpaid_probability=frozen(unpaid_probability(people, setting.scenario)),
        group_month=frozen(panel.group_month),
        groups=_groups(block),
        departed_tie=frozen(panel.tie_gone),
        propensity=frozen(panel.propensity),
        offer_effect=frozen(_placed(n, offered.who, offered.buys_with - offered.buys_without, 0.0)),
        offer_propensity=frozen(_placed(n, offered.who, offered.propensity, 0.0)),
        winback_chance=frozen(_placed(n, back.who, back.chance, 0.0)),
        returned_as=frozen(
            np.where(_placed(n, back.who, back.new, -1) >= 0, _placed(n, back.who, ids[back.new], -1), -1)
        ),
    )


def join_truths(parts: Sequence[Truth]) -> Truth:
    """Return the truth of several blocks as one."""
    joined: dict[str, Any] = {}
    for one in fields(Truth):
        first = getattr(parts[0], one.name)
        if isinstance(first, np.ndarray):
            joined[one.name] = frozen(np.concatenate([getattr(part, one.name) for part in parts]))
        elif one.name == "groups":
            joined[one.name] = tuple(group for part in parts for group in part.groups)
        else:
            joined[one.name] = first
    return Truth(**joined)


def _placed(n: int, who: IntArray, values: Any, absent: float) -> Any:
    """Return `values` at the places `who` of an array of `n`, `absent` elsewhere."""
    made = np.full(n, absent, dtype=np.asarray(values).dtype)
    made[who] = values
    return made


def _alive(block: Block) -> FloatArray:
    """Return P(still there at the end | the top-ups), 0 or 1 where notice is given."""
    people, panel, calendar = block.people, block.panel, block.setting.calendar
    here = (panel.cause == 0) & (people.activation_month <= block.setting.months)
    if not people.prepaid.any():
        return np.asarray(here, dtype=np.float64)
    made = all_topups(block.setting, people, panel, block.index)
    last = np.maximum(panel.activated, int(calendar.month_start(1)))
    np.maximum.at(last, made.subscriber, made.time)
    joined = people.activation_month[:, None] < np.arange(1, block.setting.months + 1)
    chance = probability_alive(calendar, panel.chance, np.maximum(people.topup_rate, 1e-9), last, joined)
    answer: FloatArray = np.where(people.prepaid, chance, here)
    return answer


def _groups(block: Block) -> tuple[Mapping[str, int], ...]:
    """Return one dict for each company that left together."""
    people, panel = block.people, block.panel
    made = []
    for company in np.unique(people.company[panel.group_month > 0]).tolist():
        members = np.flatnonzero(people.company == company)
        month = int(panel.group_month[members[0]])
        made.append(
            {
                "account_id": int(FIRST_ID + people.account[members[0]]),
                "members": len(members),
                "month": month,
                "departures": int((panel.departure_month[members] == month).sum()),
            }
        )
    return tuple(made)


def _outlook(
    people: Population, panel: Panel, scenario: Scenario, matrix: FloatArray, months: int
) -> tuple[FloatArray, FloatArray]:
    """Return survival 1..HORIZON months after the end and the monthly margin, 0 for those gone."""
    here = (panel.cause == 0) & (people.activation_month <= months)
    design = state(people, scenario, panel, months + 1)
    survival, alive = np.empty((len(people), HORIZON)), here.astype(np.float64)
    for ahead in range(HORIZON):
        now = months + ahead
        design[:, COVARIATES.index("log_tenure")] = np.log1p(np.maximum(now - people.activation_month, 0)) - 3.0
        ending = months_to_end(people.end_month, people.term, now) == 1
        design[:, COVARIATES.index("contract_ending")] = ending
        alive = alive * (1.0 - leaving_probabilities(design, matrix, np.zeros(len(people))).sum(axis=1))
        survival[:, ahead] = alive
    return survival, np.where(here, _recent_margin(panel), 0.0)


def _recent_margin(panel: Panel) -> FloatArray:
    """Return the mean margin of the last bills, up to three: amount - interconnect - cost to serve - arrears."""
    margin = (panel.amount - panel.interconnect - panel.cost_to_serve - panel.arrears)[:, -3:]
    bills = (panel.amount[:, -3:] > 0).sum(axis=1)
    mean: FloatArray = margin.sum(axis=1) / np.maximum(bills, 1)
    return mean
