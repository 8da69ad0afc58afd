"""Do the intervals of prepaid models hold what they promise? Parameters and predictions on simulated bases.

At n = 2,000 the delta method on the log scale, at n = 500 the profile likelihood for a parameter and the parametric
bootstrap for a prediction. Bands: two-sided 99.9 % binomial around .95. Parameters that are weakly identified at the
size (standard error of the logarithm above 1 in more than a tenth of the bases) are reported, not gated.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import binom

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from record import record

from custval import ConvergenceWarning
from custval.clv import BGNBD, ParetoNBD, bootstrap_interval, profile_likelihood

TRUTHS = {
    "BG/NBD": BGNBD.from_params(r=0.6, alpha=5.0, a=0.8, b=2.5),
    "Pareto/NBD": ParetoNBD.from_params(r=0.6, alpha=8.0, s=0.6, beta=12.0),
}
LARGE, SMALL, BOOTSTRAPS = 400, 200, 99
ONE = np.array([[5.0, 40.0, 50.0], [1.0, 5.0, 50.0]])


def new_year(model):
    return model.expected_purchases_new(52.0)


def of_two(model):
    return model.expected_purchases(ONE, 26.0)


def base(truth, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng([20251, n, seed])
    made = truth.simulate(rng.uniform(30.0, 60.0, n), random_state=rng)
    return np.column_stack([made["frequency"], made["recency"], made["age"]])


def large(name: str) -> list[dict[str, object]]:
    truth, inside, weak, failed = TRUTHS[name], {}, {}, 0
    for seed in range(LARGE):
        model = type(truth)().fit(base(truth, 2000, seed))
        if model.covariance_ is None:
            failed += 1
            continue
        error = np.sqrt(np.diag(model.covariance_))
        for j, parameter in enumerate(model.covariance_names_):
            off = abs(np.log(model.params_[parameter] / truth.params_[parameter]))
            inside.setdefault(parameter, []).append(off < 1.959964 * error[j])
            weak.setdefault(parameter, []).append(error[j] > 1.0)
        for label, ask in (("purchases of a new customer in a year", new_year), ("purchases of two customers", of_two)):
            found, true = model.interval(ask), np.ravel(ask(truth))
            inside.setdefault(label, []).extend(((found.lower < true) & (true < found.upper))[:1])
    return [row(name, 2000, "delta", what, hits, weak.get(what), failed) for what, hits in inside.items()]


def profiled(name: str) -> list[dict[str, object]]:
    truth, hits = TRUTHS[name], []
    for seed in range(SMALL):
        X = base(truth, 500, seed)
        found = profile_likelihood(type(truth)().fit(X), X, "r", points=3)
        hits.append((found.lower or 0.0) < truth.params_["r"] < (found.upper or np.inf))
    return [row(name, 500, "profile", "r", hits, None, 0)]


def drawn(name: str) -> list[dict[str, object]]:
    truth, hits = TRUTHS[name], []
    for seed in range(SMALL):
        X = base(truth, 500, seed)
        found = bootstrap_interval(type(truth)().fit(X), X, new_year, replications=BOOTSTRAPS, random_state=seed)
        hits.append(found.lower[0] < new_year(truth) < found.upper[0])
    return [row(name, 500, "bootstrap", "purchases of a new customer in a year", hits, None, 0)]


def row(name, n, method, what, hits, weak, failed) -> dict[str, object]:
    count = len(hits)
    low, high = (binom.ppf(q, count, 0.95) / count for q in (0.0005, 0.9995))
    share = float(np.mean(hits))
    verdict = "inside" if low <= share <= high else "outside"
    if weak is not None and np.mean(weak) > 0.1:
        verdict = f"reported (weak in {np.mean(weak):.0%})"
    return {
        "model": name,
        "customers": n,
        "interval": method,
        "of": what,
        "bases": count,
        "coverage": f"{share:.4f}",
        "band": f"{low:.3f}-{high:.3f}",
        "verdict": verdict,
        "no maximum": failed,
    }


def main() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows: list[dict[str, object]] = []
    # each stage is written when it is done: a hundred fits for each base of the bootstrap take longest
    for stage in (large, profiled, drawn):
        for name in TRUTHS:
            rows += stage(name)
            record(
                "truth: coverage of prepaid models",
                rows,
                script="benchmarks/truth/prepaid_coverage.py",
                text="Share of simulated bases whose 95 % interval holds the truth; seeds fixed beforehand.",
            )


if __name__ == "__main__":
    main()
