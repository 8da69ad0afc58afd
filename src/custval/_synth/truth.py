"""What really drives a world: hazards, effects and values that no operator ever sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.hazard import coefficient_matrix, leaving_probabilities, months_to_end
from custval._synth.months import Panel, state
from custval._synth.population import FIRST_ID, Population
from custval._synth.scenario import CAUSES, COVARIATES, Scenario
from custval._synth.services import planted_rules

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Truth", "make_truth")

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
        share of outgoing use lost to erosion; price_sensitivity and dissatisfaction are latent standard normals.
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

    def __repr__(self) -> str:
        """Return a line of sizes."""
        n, months, _ = self.hazard.shape
        return f"Truth({n} subscribers, {months} months, causes {', '.join(self.causes)})"

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each subscriber: the one-dimensional columns of the truth."""
        return Result.to_frame(self)


def make_truth(people: Population, panel: Panel, scenario: Scenario, months: int) -> Truth:
    """Gather the truth of all blocks and value each customer at the end of the world."""
    matrix = coefficient_matrix(scenario)
    survival, margin = _outlook(people, panel, scenario, matrix, months)
    discount = (1.0 + MONTHLY_DISCOUNT) ** -np.arange(1.0, HORIZON + 1)
    named: dict[str, dict[str, float]] = {}
    for cause, row in zip(CAUSES, matrix.tolist(), strict=True):
        named[cause] = dict(zip(COVARIATES, row, strict=True))
    return Truth(
        subscriber_id=frozen(FIRST_ID + np.arange(len(people), dtype=np.int64)),
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
        rules=tuple(planted_rules()),
    )


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
