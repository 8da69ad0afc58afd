"""What is a customer worth?

==================================  ===================================================================
**value from today**
`lifetime_value`                    what is each customer worth over the coming months, how sure is
                                    that, and through which cause is value lost?
`LifetimeValue`, `GroupTotals`      the answer: values, components, intervals, totals of the base and
                                    of segments with correlated errors, value lost by cause
`SecondLife`                        what customers bring after a transfer, or when they come back
`discounted_value`                  the same from arrays: survival, margins, discount, incidences, losses
`score`                             the same for ten million customers, chunk by chunk, to Parquet
`account_value`                     what is a household worth, whose lines share a part?
`monthly_margin`                    what does a customer leave each month after costs?
`ArpuPath`                          what will the bills of the coming months be, and how far off was it?
`ageing`, `roll_rates`,             what is owed, how does it roll on, and what will not be paid?
`expected_credit_loss`
`monthly_rate`, `annual_rate`       from a yearly rate to a monthly one, and back; `MonthlyRate` and
                                    `AnnualRate` are floats that know which they are
**how sure**
`simulated_value`                   an interval from parameters drawn from their fitted distribution
`bootstrap_value`                   an interval without a model of the hazard, from counts
`outcome_spread`                    how far may one customer's outcome lie from the expectation?
`months_kept`                       how many months will this customer surely stay?
**decisions**
`acquisition_ceiling`,              what may a lead cost, and after how many months has a customer, a
`payback_months`,                   cohort or a channel paid for itself?
`payback_by_group`
`customer_equity`, `value_at_risk`  what is the base worth, by cohort; how much hangs on whom?
`retention_points`,                 what are 1 or 5 more points of retention worth (with an interval),
`retention_gain`,                   and what may they cost a month?
`break_even_retention_cost`
`value_elasticities`,               by how much does value move with retention, margin and discount?
`retention_elasticity`
`constant_retention_value`          what is a customer worth whose retention rate never changes?
**contracts and papers**
`ShiftedBetaGeometric`,             how long do customers under contract stay, whose chances to leave
`BetaDiscreteWeibull`,              differ (and change with the term, or do neither), and what is the
`GeometricRetention`                rest of their stay worth?
`ContractRenewals`                  a monthly hazard within the term joined to renewals at its end
`hwang_value`, `current_value`,     the value, potential and loyalty of the wireless-telecom papers
`past_contribution`,
`potential_value`,
`customer_loyalty`
**prepaid customers**
`BGNBD`, `MBGNBD`                   which are still there, how often will they buy? Leaving follows a
                                    purchase (`MBGNBD`: or the first day)
`BGCNBD`, `MBGCNBD`                 the same where top-ups come in a rhythm
`ParetoNBD`, `GGompertzNBD`         the same where customers leave at any time, ever more surely with
                                    `GGompertzNBD`
`BGBB`                              the same where a month has a purchase or none
`NBD`                               how often would they buy if nobody ever left?
`GammaGamma`, `LogNormalSpend`      what will a customer spend on a purchase?
`Estimate`                          an answer of these models with its interval
`purchase_summary`                  from a list of purchases to frequency, recency and age
                                    (`PurchaseSummary`); `purchase_counts` of the different customers
`likelihood_ratio_test`,            does the larger of two models fit better; how far can a parameter
`profile_likelihood`,               move; how sure is an answer where samples are small?
`bootstrap_interval`
`spend_dependence`                  do those who spend more buy more often, or leave later?
`pool_segments`                     a model for each region that leans on the others (`PooledSegments`)
`prepaid_value`                     what are prepaid customers worth, by the same value function?
`combine_values`                    one value column for prepaid and postpaid customers
`purchase_tracking`,                does the model hold over time (`PurchaseTracking`), by count
`frequency_histogram`,              (`FrequencyHistogram`) and in the holdout (`HoldoutCheck`)?
`holdout_check`
`silence_rules`                     does P(alive) call churn better than days of silence (`SilenceRules`)?
`CalendarParetoNBD`,                the same where season and campaigns move purchases and leaving
`CalendarBGBB`
==================================  ===================================================================

Take `lifetime_value` where a hazard model is fitted (any object with ``predict_survival``), `discounted_value` where a
survival matrix is at hand from elsewhere, a contract model where only the sizes of cohorts are known, and
`constant_retention_value` where nothing but one retention rate is.
Customers without a contract never say goodbye: take `BGNBD` or `ParetoNBD` with a model of spend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "BGBB",
    "BGCNBD",
    "BGNBD",
    "MBGCNBD",
    "MBGNBD",
    "NBD",
    "AccountValue",
    "Ageing",
    "AnnualRate",
    "ArpuBacktest",
    "ArpuPath",
    "BetaDiscreteWeibull",
    "BootstrapValue",
    "CalendarBGBB",
    "CalendarParetoNBD",
    "ContractRenewals",
    "CustomerEquity",
    "Estimate",
    "FrequencyHistogram",
    "GGompertzNBD",
    "GammaGamma",
    "GeometricRetention",
    "GroupTotals",
    "HoldoutCheck",
    "HwangValue",
    "LifetimeValue",
    "LikelihoodRatio",
    "LogNormalSpend",
    "MonthlyRate",
    "MonthsKept",
    "OutcomeSpread",
    "ParetoNBD",
    "PaybackTable",
    "PooledSegments",
    "ProfileLikelihood",
    "PurchaseSummary",
    "PurchaseTracking",
    "RetentionPoints",
    "RollRates",
    "ScoredValue",
    "SecondLife",
    "ShiftedBetaGeometric",
    "SilenceRules",
    "SimulatedValue",
    "ValueAtRisk",
    "ValueElasticities",
    "account_value",
    "acquisition_ceiling",
    "ageing",
    "annual_rate",
    "bootstrap_interval",
    "bootstrap_value",
    "break_even_retention_cost",
    "combine_values",
    "constant_retention_value",
    "current_value",
    "customer_equity",
    "customer_loyalty",
    "discounted_value",
    "expected_credit_loss",
    "frequency_histogram",
    "holdout_check",
    "hwang_value",
    "lifetime_value",
    "likelihood_ratio_test",
    "monthly_margin",
    "monthly_rate",
    "months_kept",
    "outcome_spread",
    "past_contribution",
    "payback_by_group",
    "payback_months",
    "pool_segments",
    "potential_value",
    "prepaid_value",
    "profile_likelihood",
    "purchase_counts",
    "purchase_summary",
    "purchase_tracking",
    "retention_elasticity",
    "retention_gain",
    "retention_points",
    "roll_rates",
    "score",
    "silence_rules",
    "simulated_value",
    "spend_dependence",
    "value_at_risk",
    "value_elasticities",
)

if TYPE_CHECKING:
    from custval._clv.accounts import AccountValue, account_value
    from custval._clv.arpu import ArpuBacktest, ArpuPath
    from custval._clv.beta_geometric import BGCNBD, BGNBD, MBGCNBD, MBGNBD
    from custval._clv.bootstrap import BootstrapValue, bootstrap_value
    from custval._clv.calendar_models import CalendarBGBB, CalendarParetoNBD
    from custval._clv.conformal import MonthsKept, months_kept
    from custval._clv.contract import BetaDiscreteWeibull, GeometricRetention, ShiftedBetaGeometric
    from custval._clv.credit import Ageing, RollRates, ageing, expected_credit_loss, roll_rates
    from custval._clv.discount import discounted_value
    from custval._clv.equity import (
        CustomerEquity,
        PaybackTable,
        ValueAtRisk,
        acquisition_ceiling,
        customer_equity,
        payback_by_group,
        value_at_risk,
    )
    from custval._clv.group_totals import GroupTotals
    from custval._clv.hwang_kim import (
        HwangValue,
        current_value,
        customer_loyalty,
        hwang_value,
        past_contribution,
        potential_value,
    )
    from custval._clv.lifetime_models import BGBB, NBD, GGompertzNBD, ParetoNBD
    from custval._clv.model_summary import Estimate
    from custval._clv.money import monthly_margin, payback_months
    from custval._clv.outcome import OutcomeSpread, outcome_spread
    from custval._clv.prepaid_value import combine_values, prepaid_value
    from custval._clv.purchase_checks import (
        FrequencyHistogram,
        HoldoutCheck,
        PurchaseTracking,
        SilenceRules,
        frequency_histogram,
        holdout_check,
        purchase_tracking,
        silence_rules,
    )
    from custval._clv.purchase_inference import (
        LikelihoodRatio,
        ProfileLikelihood,
        bootstrap_interval,
        likelihood_ratio_test,
        profile_likelihood,
        spend_dependence,
    )
    from custval._clv.purchase_pooling import PooledSegments, pool_segments
    from custval._clv.purchase_summary import PurchaseSummary, purchase_counts, purchase_summary
    from custval._clv.rates import AnnualRate, MonthlyRate, annual_rate, monthly_rate
    from custval._clv.retention_value import constant_retention_value, retention_elasticity, retention_gain
    from custval._clv.scoring import ScoredValue, score
    from custval._clv.second_life import SecondLife
    from custval._clv.sensitivity import (
        RetentionPoints,
        ValueElasticities,
        break_even_retention_cost,
        retention_points,
        value_elasticities,
    )
    from custval._clv.simulation import SimulatedValue, simulated_value
    from custval._clv.spend import GammaGamma, LogNormalSpend
    from custval._clv.value import LifetimeValue, lifetime_value
    from custval._joins.renewals import ContractRenewals
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "AccountValue": "_clv.accounts",
            "Ageing": "_clv.credit",
            "AnnualRate": "_clv.rates",
            "ArpuBacktest": "_clv.arpu",
            "ArpuPath": "_clv.arpu",
            "BGBB": "_clv.lifetime_models",
            "BGCNBD": "_clv.beta_geometric",
            "BGNBD": "_clv.beta_geometric",
            "BetaDiscreteWeibull": "_clv.contract",
            "BootstrapValue": "_clv.bootstrap",
            "CalendarBGBB": "_clv.calendar_models",
            "CalendarParetoNBD": "_clv.calendar_models",
            "ContractRenewals": "_joins.renewals",
            "CustomerEquity": "_clv.equity",
            "Estimate": "_clv.model_summary",
            "FrequencyHistogram": "_clv.purchase_checks",
            "GGompertzNBD": "_clv.lifetime_models",
            "GammaGamma": "_clv.spend",
            "GeometricRetention": "_clv.contract",
            "GroupTotals": "_clv.group_totals",
            "HoldoutCheck": "_clv.purchase_checks",
            "HwangValue": "_clv.hwang_kim",
            "LifetimeValue": "_clv.value",
            "LikelihoodRatio": "_clv.purchase_inference",
            "LogNormalSpend": "_clv.spend",
            "MBGCNBD": "_clv.beta_geometric",
            "MBGNBD": "_clv.beta_geometric",
            "MonthlyRate": "_clv.rates",
            "MonthsKept": "_clv.conformal",
            "NBD": "_clv.lifetime_models",
            "OutcomeSpread": "_clv.outcome",
            "ParetoNBD": "_clv.lifetime_models",
            "PaybackTable": "_clv.equity",
            "PooledSegments": "_clv.purchase_pooling",
            "ProfileLikelihood": "_clv.purchase_inference",
            "PurchaseSummary": "_clv.purchase_summary",
            "PurchaseTracking": "_clv.purchase_checks",
            "RetentionPoints": "_clv.sensitivity",
            "RollRates": "_clv.credit",
            "ScoredValue": "_clv.scoring",
            "SecondLife": "_clv.second_life",
            "ShiftedBetaGeometric": "_clv.contract",
            "SilenceRules": "_clv.purchase_checks",
            "SimulatedValue": "_clv.simulation",
            "ValueAtRisk": "_clv.equity",
            "ValueElasticities": "_clv.sensitivity",
            "account_value": "_clv.accounts",
            "acquisition_ceiling": "_clv.equity",
            "ageing": "_clv.credit",
            "annual_rate": "_clv.rates",
            "bootstrap_interval": "_clv.purchase_inference",
            "bootstrap_value": "_clv.bootstrap",
            "break_even_retention_cost": "_clv.sensitivity",
            "combine_values": "_clv.prepaid_value",
            "constant_retention_value": "_clv.retention_value",
            "current_value": "_clv.hwang_kim",
            "customer_equity": "_clv.equity",
            "customer_loyalty": "_clv.hwang_kim",
            "discounted_value": "_clv.discount",
            "expected_credit_loss": "_clv.credit",
            "frequency_histogram": "_clv.purchase_checks",
            "holdout_check": "_clv.purchase_checks",
            "hwang_value": "_clv.hwang_kim",
            "lifetime_value": "_clv.value",
            "likelihood_ratio_test": "_clv.purchase_inference",
            "monthly_margin": "_clv.money",
            "monthly_rate": "_clv.rates",
            "months_kept": "_clv.conformal",
            "outcome_spread": "_clv.outcome",
            "past_contribution": "_clv.hwang_kim",
            "payback_by_group": "_clv.equity",
            "payback_months": "_clv.money",
            "pool_segments": "_clv.purchase_pooling",
            "potential_value": "_clv.hwang_kim",
            "prepaid_value": "_clv.prepaid_value",
            "profile_likelihood": "_clv.purchase_inference",
            "purchase_counts": "_clv.purchase_summary",
            "purchase_summary": "_clv.purchase_summary",
            "purchase_tracking": "_clv.purchase_checks",
            "retention_elasticity": "_clv.retention_value",
            "retention_gain": "_clv.retention_value",
            "retention_points": "_clv.sensitivity",
            "roll_rates": "_clv.credit",
            "score": "_clv.scoring",
            "silence_rules": "_clv.purchase_checks",
            "simulated_value": "_clv.simulation",
            "spend_dependence": "_clv.purchase_inference",
            "value_at_risk": "_clv.equity",
            "value_elasticities": "_clv.sensitivity",
        },
    )
