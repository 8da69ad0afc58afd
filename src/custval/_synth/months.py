"""The life of a block of subscribers, month by month: use, bills, complaints, a save campaign, leaving.

In each month the chance of leaving looks only at what was true at the end of the month before; then the month's use,
bill and complaints follow for those still there. Nothing is written after a departure.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.calendar import DAY, Calendar
from custval._synth.hazard import coefficient_matrix, covariates, draw_causes, leaving_probabilities, months_to_end
from custval._synth.population import REGIONS, Population
from custval._synth.scenario import CAUSES, Scenario
from custval._synth.setting import Setting
from custval._synth.topups import month_topups

__all__ = (
    "NEVER",
    "Panel",
    "campaign_month",
    "live",
    "merge_panels",
    "moving_away",
    "network_trouble",
    "state",
    "unpaid_probability",
)

NEVER = np.iinfo(np.int64).max
_AHEAD = 2  # months in which a company that will leave is seen to move away


@dataclass(slots=True)
class Panel:
    """What happened to each subscriber (n) in each month (M); month m stands in column m - 1.

    Times are epoch seconds; `departed` is NEVER and `cause` 0 for those who stay; `erosion_month` is the first month
    of lower outgoing use, 0 without erosion; `arm` is 1 treated, 0 control, -1 outside the campaign; `propensity` is
    the chance of treatment in the campaign; `chance` is that of leaving by any cause, as if everybody were there;
    `group_month` is the month in which the company leaves, 0 for none.
    """

    activated: IntArray
    departed: IntArray
    departure_month: IntArray
    cause: IntArray
    at_risk: BoolArray
    hazard: FloatArray
    chance: FloatArray
    begin: IntArray
    end: IntArray
    voice: IntArray
    sms: IntArray
    data: IntArray
    out_share: FloatArray
    roaming: FloatArray
    overage: FloatArray
    amount: FloatArray
    interconnect: FloatArray
    cost_to_serve: FloatArray
    arrears: FloatArray
    complaints: IntArray
    enquiries: IntArray
    erosion_month: IntArray
    arm: IntArray
    accepted: BoolArray
    propensity: FloatArray
    treatment_effect: FloatArray
    tie_gone: BoolArray
    group_month: IntArray


def campaign_month(months: int) -> int:
    """Return the month that opens with the save campaign: the second half, with three months to follow; 0 = none."""
    return months // 2 + 1 if months >= 6 else 0


def network_trouble(setting: Setting) -> BoolArray:
    """Return which regions had network trouble in which month, shape (regions, months)."""
    return setting.stream("network").random((len(REGIONS), setting.months)) < setting.scenario.trouble_rate


def live(setting: Setting, people: Population, ties: IntArray, block: int) -> Panel:
    """Simulate all months of a block; the streams are one for each month.

    `ties` (n, t) holds the places in the block of those whom each one calls most, -1 for none.
    """
    panel, life = _empty(people, setting.calendar), _Life(setting, people, coefficient_matrix(setting.scenario), block)
    trouble = network_trouble(setting)[people.region]
    panel.group_month[:] = _group_months(setting, people, block)
    for month in range(1, setting.months + 1):
        rng = setting.stream("months", block, month)
        _look_at_ties(panel, ties, month)
        design = state(people, setting.scenario, panel, month)
        if month == campaign_month(setting.months):
            _campaign(rng, life, panel, design)
        _leave(rng, life, panel, month, design)
        _windows(panel, setting.calendar, month)
        _use(rng, life, panel, month)
        _bill(rng, life, panel, month)
        _care(rng, life, panel, month, trouble[:, month - 1])
        _erode(rng, life, panel, month)
    return panel


@dataclass(frozen=True, slots=True)
class _Life:
    """What stays the same in all months of a block: the setting, the people and the true coefficients."""

    setting: Setting
    people: Population
    coefficients: FloatArray
    block: int


def merge_panels(panels: list[Panel]) -> Panel:
    """Return the panel of several blocks as one."""
    names = [field.name for field in fields(Panel)]
    return Panel(**{name: np.concatenate([getattr(panel, name) for panel in panels]) for name in names})


def state(people: Population, scenario: Scenario, panel: Panel, month: int) -> FloatArray:
    """Return the covariates of the hazard of `month`: what is true at the end of the month before."""
    now = month - 1
    return covariates(
        contract=people.contract,
        tenure=np.maximum(now - people.activation_month, 0),
        to_end=months_to_end(people.end_month, people.term, now),
        complaints=panel.complaints[:, max(now - 3, 0) : now].sum(axis=1).astype(np.float64),
        bill_shock=_bill_shock(people, panel, now),
        arrears=(panel.arrears[:, now - 1] > 0).astype(np.float64) if now else np.zeros(len(people)),
        usage_decline=1.0 - _outgoing_level(scenario, panel, now),
        autopay=people.autopay,
        price_sensitivity=people.price_sensitivity,
        satisfaction=people.satisfaction,
        departed_tie=panel.tie_gone[:, min(month, panel.tie_gone.shape[1]) - 1],
    )


def _empty(people: Population, calendar: Calendar) -> Panel:
    n, months = len(people), calendar.months
    start = calendar.month_start(people.activation_month)
    length = calendar.month_start(people.activation_month + 1) - start
    table = (n, months)
    return Panel(
        activated=start + (people.activation_share * (length - DAY)).astype(np.int64),
        departed=np.full(n, NEVER),
        departure_month=np.zeros(n, dtype=np.int64),
        cause=np.zeros(n, dtype=np.int64),
        at_risk=np.zeros(table, dtype=bool),
        hazard=np.zeros((*table, len(CAUSES))),
        chance=np.zeros(table),
        begin=np.zeros(table, dtype=np.int64),
        end=np.zeros(table, dtype=np.int64),
        voice=np.zeros(table, dtype=np.int64),
        sms=np.zeros(table, dtype=np.int64),
        data=np.zeros(table, dtype=np.int64),
        out_share=np.zeros(table),
        roaming=np.zeros(table),
        overage=np.zeros(table),
        amount=np.zeros(table),
        interconnect=np.zeros(table),
        cost_to_serve=np.zeros(table),
        arrears=np.zeros(table),
        complaints=np.zeros(table, dtype=np.int64),
        enquiries=np.zeros(table, dtype=np.int64),
        erosion_month=np.zeros(n, dtype=np.int64),
        arm=np.full(n, -1),
        accepted=np.zeros(n, dtype=bool),
        propensity=np.zeros(n),
        treatment_effect=np.zeros(n),
        tie_gone=np.zeros(table, dtype=bool),
        group_month=np.zeros(n, dtype=np.int64),
    )


def _bill_shock(people: Population, panel: Panel, now: int) -> FloatArray:
    """Return by how much the last bill exceeds the mean of the three before (0..1); the fee stands for older ones."""
    if now == 0:
        return np.zeros(len(people))
    older = np.repeat(people.monthly_fee[:, None], 4, axis=1)
    bills = np.concatenate([older, panel.amount[:, :now]], axis=1)[:, -4:]
    bills = np.where(bills > 0, bills, people.monthly_fee[:, None])
    shock: FloatArray = np.clip(bills[:, 3] / bills[:, :3].mean(axis=1) - 1.0, 0.0, 1.0)
    return np.where(people.prepaid, 0.0, shock)


def _look_at_ties(panel: Panel, ties: IntArray, month: int) -> None:
    """Note for whom one of the most called has left in the three months before `month`."""
    if not ties.size or month == 1:
        return
    recent = (panel.departure_month > 0) & (panel.departure_month >= month - 3)
    panel.tie_gone[:, month - 1] = ((ties >= 0) & recent[np.maximum(ties, 0)]).any(axis=1)


def _group_months(setting: Setting, people: Population, block: int) -> IntArray:
    """Return the month in which the company of each subscriber leaves, 0 for none: from month 3 on, once at most."""
    companies = int(people.company.max(initial=-1)) + 1
    if not companies:
        return np.zeros(len(people), dtype=np.int64)
    wait = setting.stream("groups", block).geometric(min(max(setting.scenario.group_event_rate, 1e-9), 1.0), companies)
    event = np.where(wait + 2 <= setting.months, wait + 2, 0)
    return np.where(people.company >= 0, event[np.maximum(people.company, 0)], 0)


def moving_away(panel: Panel, month: int) -> BoolArray:
    """Return whose company is about to leave: its members forward calls, call out less and call each other less."""
    return (panel.group_month > 0) & (month >= panel.group_month - _AHEAD) & (month <= panel.group_month)


def _outgoing_level(scenario: Scenario, panel: Panel, month: int) -> FloatArray:
    """Return outgoing use in `month` as a share of the customer's own normal: 1 without erosion."""
    eroding = (panel.erosion_month > 0) & (panel.erosion_month <= month)
    since = np.where(eroding, month - panel.erosion_month + 1, 0)
    level: FloatArray = np.maximum(scenario.erosion_pace**since, scenario.erosion_floor)
    return level


def _campaign(rng: np.random.Generator, life: _Life, panel: Panel, design: FloatArray) -> None:
    """Randomise a save offer among those free to leave, and note what it does to each (true for the state held).

    The effect is P(leaves within 3 months | offer) - P(... | no offer): negative saves, positive wakes a sleeping dog.
    """
    opens, people, matrix = campaign_month(life.setting.months), life.people, life.coefficients
    present = (people.activation_month < opens) & (panel.cause == 0)
    free = (people.contract == 0) | (months_to_end(people.end_month, people.term, opens - 1) <= 3)
    panel.propensity[:] = np.where(present & free, _propensity(life, panel, opens), 0.0)
    treated = rng.random(len(people)) < panel.propensity
    panel.arm[:] = np.where(present & free, treated, -1)
    willing = 1.0 / (1.0 + np.exp(1.0 + 1.5 * people.treatment))
    panel.accepted[:] = (panel.arm == 1) & (rng.random(len(people)) < willing)
    without, offered = (
        1.0 - (1.0 - leaving_probabilities(design, matrix, save).sum(axis=1)) ** 3
        for save in (np.zeros(len(people)), people.treatment)
    )
    panel.treatment_effect[:] = np.where(panel.arm >= 0, offered - without, 0.0)


def _propensity(life: _Life, panel: Panel, opens: int) -> FloatArray:
    """Return the chance of treatment: one half, or what agents do who call whom they think about to leave.

    The confounded half of the base (every second block of regions) is chosen by complaints, tenure and a price
    sensitivity that no table shows, so that the treated would have left more often anyway.
    """
    people = life.people
    if "confounded campaign" not in life.setting.behaviours:
        return np.full(len(people), 0.5)
    complaints = panel.complaints[:, max(opens - 4, 0) : opens - 1].sum(axis=1)
    young = people.activation_month > opens - 13
    odds = -0.6 + 0.8 * np.minimum(complaints, 3) + 0.7 * young + 0.7 * people.price_sensitivity
    return np.where(people.region % 2 == 0, 0.5, 1.0 / (1.0 + np.exp(-odds)))


def _with_group(hazard: FloatArray, panel: Panel, month: int, chance: float) -> FloatArray:
    """Return the hazard with the chance that a member goes with the company in the month of its departure."""
    going = np.where(panel.group_month == month, chance, 0.0)[:, None]
    first = np.arange(hazard.shape[1]) == 0
    return np.where(going > 0, going * first + (1.0 - going) * hazard, hazard)


def _leave(rng: np.random.Generator, life: _Life, panel: Panel, month: int, design: FloatArray) -> None:
    people, calendar = life.people, life.setting.calendar
    opens = campaign_month(calendar.months)
    under_offer = (panel.arm == 1) & (opens <= month < opens + 3)
    hazard = leaving_probabilities(design, life.coefficients, np.where(under_offer, people.treatment, 0.0))
    hazard = _with_group(hazard, panel, month, life.setting.scenario.group_leaving_probability)
    at_risk = (people.activation_month < month) & (panel.cause == 0)
    cause = np.where(at_risk, draw_causes(hazard, rng.random(len(people))), 0)
    start, stop = int(calendar.month_start(month)), int(calendar.month_end(month))
    moment = start + DAY + (rng.random(len(people)) * (stop - start - DAY)).astype(np.int64)
    panel.at_risk[:, month - 1] = at_risk
    panel.hazard[:, month - 1] = hazard * at_risk[:, None]
    panel.chance[:, month - 1] = hazard.sum(axis=1)
    panel.departed[cause > 0] = moment[cause > 0]
    panel.departure_month[cause > 0] = month
    panel.cause += cause


def _windows(panel: Panel, calendar: Calendar, month: int) -> None:
    """Note from when to when each subscriber is active in `month`; an empty span has end = begin."""
    begin = np.maximum(calendar.month_start(month), panel.activated)
    panel.begin[:, month - 1] = begin
    panel.end[:, month - 1] = np.maximum(np.minimum(calendar.month_end(month), panel.departed), begin)


def _use(rng: np.random.Generator, life: _Life, panel: Panel, month: int) -> None:
    """Draw how many records of each kind a subscriber has; erosion takes from outgoing use, never from incoming."""
    people, scenario, at, n = life.people, life.setting.scenario, month - 1, len(life.people)
    share = (panel.end[:, at] - panel.begin[:, at]) / (30.4375 * DAY)
    level = _outgoing_level(scenario, panel, month)
    wave = np.exp(0.12 * rng.standard_normal(n))
    outgoing = people.out_share * np.where(moving_away(panel, month), 0.6 * level, level)
    both = outgoing + (1.0 - people.out_share)
    voice, sms, data = scenario.record_shares
    base = life.setting.records_per_month * people.activity * share * wave
    panel.out_share[:, at] = outgoing / both
    panel.voice[:, at] = rng.poisson(base * voice * both)
    panel.sms[:, at] = rng.poisson(base * sms * both * people.text_taste * rng.gamma(0.6, 1.0 / 0.6, n))
    panel.data[:, at] = rng.poisson(base * data * level * people.data_taste)
    panel.roaming[:, at] = np.where(
        rng.random(n) < scenario.roaming_probability, rng.uniform(*scenario.roaming_range, n), 0.0
    )


def _bill(rng: np.random.Generator, life: _Life, panel: Panel, month: int) -> None:
    """Bill the fee and the overage, and note what each bill costs and what of it stays unpaid."""
    people, scenario, at, n = life.people, life.setting.scenario, month - 1, len(life.people)
    active = panel.end[:, at] > panel.begin[:, at]
    moving = moving_away(panel, month)
    over = (rng.random(n) < scenario.overage_probability) & (panel.data[:, at] > 0) & ~moving
    overage = np.where(over, people.monthly_fee * rng.gamma(*scenario.overage_gamma, n), 0.0)
    last = panel.departure_month == month
    days = (panel.end[:, at] - panel.begin[:, at]) / (30.4375 * DAY)
    fee = people.monthly_fee * np.where(last, np.minimum(days, 1.0), 1.0)  # the final bill is for the days used
    fee = np.where(moving, 0.75 * fee, fee)  # a company that moves away steps down to cheaper plans first
    billed = active & ~people.prepaid
    panel.overage[:, at] = np.where(billed, overage.round(2), 0.0)
    panel.amount[:, at] = np.where(billed, fee.round(2) + panel.overage[:, at], 0.0)
    if people.prepaid.any():
        topped = month_topups(life.setting, people, panel, life.block, month)
        panel.amount[:, at] += np.bincount(topped.subscriber, weights=topped.amount, minlength=n).round(2)
    unpaid = (rng.random(n) < unpaid_probability(people, scenario)) & billed
    panel.arrears[:, at] = np.where(unpaid, panel.amount[:, at] * rng.uniform(0.6, 1.0, n), 0.0).round(2)
    calls = panel.voice[:, at] * panel.out_share[:, at]
    panel.interconnect[:, at] = (
        scenario.cost_per_off_net_call * calls + scenario.interconnect_share * panel.amount[:, at]
    ).round(2)


def unpaid_probability(people: Population, scenario: Scenario) -> FloatArray:
    """Return the true chance that a bill stays unpaid."""
    odds = scenario.unpaid_probability * np.exp(0.9 * people.credit_risk - 0.405 - 1.0 * (people.autopay - 0.45))
    return np.where(people.prepaid, 0.0, np.minimum(odds, 0.9))


def _care(rng: np.random.Generator, life: _Life, panel: Panel, month: int, trouble: BoolArray) -> None:
    """Draw complaints and enquiries, and what serving the customer cost this month."""
    people, scenario, at, n = life.people, life.setting.scenario, month - 1, len(life.people)
    share = np.minimum((panel.end[:, at] - panel.begin[:, at]) / (30.4375 * DAY), 1.0)
    shock = panel.overage[:, at] / people.monthly_fee
    upset = np.exp(0.6 * -people.satisfaction + 0.8 * trouble + 0.8 * np.minimum(shock, 1.0) - 0.25)
    panel.complaints[:, at] = rng.poisson(scenario.complaint_rate * upset * share)
    panel.enquiries[:, at] = rng.poisson(scenario.enquiry_rate * share, n)
    care = scenario.complaint_cost * panel.complaints[:, at] + scenario.enquiry_cost * panel.enquiries[:, at]
    cost = scenario.base_cost + scenario.cost_share * people.monthly_fee + care
    panel.cost_to_serve[:, at] = np.where(panel.amount[:, at] > 0, cost, 0.0).round(2)


def _erode(rng: np.random.Generator, life: _Life, panel: Panel, month: int) -> None:
    """Let some customers take a second SIM: from the next month on they call out less and less."""
    people, scenario = life.people, life.setting.scenario
    begins = rng.random(len(people)) < scenario.erosion_rate * np.exp(-0.5 * people.satisfaction)
    whole = (panel.erosion_month == 0) & (people.activation_month <= month) & (panel.cause == 0)
    panel.erosion_month[begins & whole] = month + 1
