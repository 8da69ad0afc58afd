"""Is the value of the base right, and does its interval cover the truth? Many simulated worlds, seeds fixed beforehand.

Each world is analysed from its records alone; the truth behind it (expected discounted margin of the twelve months
after its end) is only used to judge. The interval carries the uncertainty of the fitted hazard; what it cannot carry is
that the truth knows latent satisfaction and that margins move, so coverage of the total is reported, not gated.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from record import record

from custval.pipeline import analyse
from custval.synth import TelecomWorld

WORLDS = 40
SUBSCRIBERS = 4000


def study(worlds: int = WORLDS, subscribers: int = SUBSCRIBERS) -> dict[str, np.ndarray]:
    """Return, for each world, the value forecast, its interval, the true value, and forecast and true mean risk."""
    found = []
    for seed in range(1000, 1000 + worlds):
        world = TelecomWorld(n_subscribers=subscribers, seed=seed, records_per_subscriber_month=6).simulate()
        answer = analyse(world, horizon=12)
        truth = world.truth
        rows = answer.customers["customer_id"].astype(int).to_numpy() - int(truth.subscriber_id[0])
        value = answer.value
        assert value is not None
        risk, true_risk = answer.customers["p_leave_3m"].to_numpy(), truth.p_leave_3m[rows]
        deciles = _deciles(answer.customers["lifetime_value"].to_numpy(), truth.value[rows])
        rank = np.corrcoef(risk.argsort().argsort(), true_risk.argsort().argsort())[0, 1]
        sums = (value.total, value.lower, value.upper, truth.value.sum(), risk.mean(), true_risk.mean(), rank)
        found.append((*sums, *deciles))
    names = ("total", "lower", "upper", "truth", "risk", "true_risk", "rank", *(f"decile_{k}" for k in range(1, 11)))
    return dict(zip(names, np.array(found).T, strict=True))


def _deciles(forecast: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return forecast / truth in each tenth of the customers by forecast value."""
    tenth = np.argsort(np.argsort(forecast)) * 10 // len(forecast)
    return np.bincount(tenth, forecast) / np.bincount(tenth, truth)


def main() -> None:
    found = study()
    error = found["total"] / found["truth"] - 1
    covered = ((found["lower"] <= found["truth"]) & (found["truth"] <= found["upper"])).mean()
    rows = [
        {
            "figure": "total value, mean error",
            "found": f"{error.mean():+.2%}",
            "spread over worlds": f"{error.std():.2%}",
        },
        {"figure": "total value, largest error", "found": f"{np.abs(error).max():.2%}", "spread over worlds": ""},
        {
            "figure": "95 % interval covers the truth",
            "found": f"{covered:.1%} of {WORLDS} worlds",
            "spread over worlds": "",
        },
        *(
            {
                "figure": f"value of tenth {k} by forecast (10 = highest), forecast / truth",
                "found": f"{found[f'decile_{k}'].mean():.3f}",
                "spread over worlds": f"{found[f'decile_{k}'].std():.3f}",
            }
            for k in range(1, 11)
        ),
        {
            "figure": "mean risk of leaving in 3 months, forecast / truth",
            "found": f"{(found['risk'] / found['true_risk']).mean():.3f}",
            "spread over worlds": f"{(found['risk'] / found['true_risk']).std():.3f}",
        },
        {
            "figure": "rank correlation of forecast and true risk",
            "found": f"{found['rank'].mean():.3f}",
            "spread over worlds": f"{found['rank'].std():.3f}",
        },
    ]
    text = f"{WORLDS} worlds of {SUBSCRIBERS:,} subscribers, seeds 1000 to {999 + WORLDS}, from their records alone."
    record("Truth: value of simulated bases", rows, script="benchmarks/truth/value_of_worlds.py", text=text)


if __name__ == "__main__":
    main()
