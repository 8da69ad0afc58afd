"""What is a customer worth?

================================  =====================================================================
`lifetime_value`                  what is each customer worth over the coming months, how sure is that,
                                  and through which cause is value lost?
`LifetimeValue`                   the answer: values, components, intervals, totals, value lost by cause
`SecondLife`                      what customers bring after a transfer, or when they come back
`GroupTotals`                     the worth of segments, cohorts or accounts, with correlated errors
`discounted_value`                the same from arrays: survival, margins, discount, incidences, losses
`monthly_margin`                  what does a customer leave each month after costs?
`payback_months`                  after how many months is the cost of winning a customer back?
`constant_retention_value`        what is a customer worth whose retention rate never changes?
`retention_elasticity`            by how much does value move with retention?
`retention_gain`                  what are 1 or 5 more points of retention worth?
`monthly_rate`, `annual_rate`     from a yearly rate to a monthly one, and back; `MonthlyRate` and `AnnualRate` are
                                  floats that know which they are
`ShiftedBetaGeometric`,           how long do customers under contract stay, whose chances to leave differ (and
`BetaDiscreteWeibull`,            change with the term, or do neither), and what is the rest of their stay worth?
`GeometricRetention`
`BGNBD`, `MBGNBD`                 which prepaid customers are still there, how often will they buy? Leaving follows a
                                  purchase (`MBGNBD`: or the first day)
`BGCNBD`, `MBGCNBD`               the same where top-ups come in a rhythm
`ParetoNBD`, `GGompertzNBD`       the same where customers leave at any time, ever more surely with `GGompertzNBD`
`BGBB`                            the same where a month has a purchase or none
`NBD`                             how often would they buy if nobody ever left?
`GammaGamma`, `LogNormalSpend`    what will a customer spend on a purchase?
`Estimate`                        an answer of these models with its interval
================================  =====================================================================

Take `lifetime_value` where a hazard model is fitted (any object with ``predict_survival``), `discounted_value` where a
survival matrix is at hand from elsewhere, `ShiftedBetaGeometric` where only the sizes of cohorts are known, and
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
    "AnnualRate",
    "BetaDiscreteWeibull",
    "Estimate",
    "GGompertzNBD",
    "GammaGamma",
    "GeometricRetention",
    "GroupTotals",
    "LifetimeValue",
    "LogNormalSpend",
    "MonthlyRate",
    "ParetoNBD",
    "SecondLife",
    "ShiftedBetaGeometric",
    "annual_rate",
    "constant_retention_value",
    "discounted_value",
    "lifetime_value",
    "monthly_margin",
    "monthly_rate",
    "payback_months",
    "retention_elasticity",
    "retention_gain",
)

if TYPE_CHECKING:
    from custval._clv.beta_geometric import BGCNBD, BGNBD, MBGCNBD, MBGNBD
    from custval._clv.contract import BetaDiscreteWeibull, GeometricRetention, ShiftedBetaGeometric
    from custval._clv.discount import discounted_value
    from custval._clv.group_totals import GroupTotals
    from custval._clv.lifetime_models import BGBB, NBD, GGompertzNBD, ParetoNBD
    from custval._clv.model_summary import Estimate
    from custval._clv.money import monthly_margin, payback_months
    from custval._clv.rates import AnnualRate, MonthlyRate, annual_rate, monthly_rate
    from custval._clv.retention_value import constant_retention_value, retention_elasticity, retention_gain
    from custval._clv.second_life import SecondLife
    from custval._clv.spend import GammaGamma, LogNormalSpend
    from custval._clv.value import LifetimeValue, lifetime_value
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "AnnualRate": "_clv.rates",
            "BGBB": "_clv.lifetime_models",
            "BGCNBD": "_clv.beta_geometric",
            "BGNBD": "_clv.beta_geometric",
            "BetaDiscreteWeibull": "_clv.contract",
            "Estimate": "_clv.model_summary",
            "GGompertzNBD": "_clv.lifetime_models",
            "GammaGamma": "_clv.spend",
            "GeometricRetention": "_clv.contract",
            "GroupTotals": "_clv.group_totals",
            "LifetimeValue": "_clv.value",
            "LogNormalSpend": "_clv.spend",
            "MBGCNBD": "_clv.beta_geometric",
            "MBGNBD": "_clv.beta_geometric",
            "MonthlyRate": "_clv.rates",
            "NBD": "_clv.lifetime_models",
            "ParetoNBD": "_clv.lifetime_models",
            "SecondLife": "_clv.second_life",
            "ShiftedBetaGeometric": "_clv.contract",
            "annual_rate": "_clv.rates",
            "constant_retention_value": "_clv.retention_value",
            "discounted_value": "_clv.discount",
            "lifetime_value": "_clv.value",
            "monthly_margin": "_clv.money",
            "monthly_rate": "_clv.rates",
            "payback_months": "_clv.money",
            "retention_elasticity": "_clv.retention_value",
            "retention_gain": "_clv.retention_value",
        },
    )
