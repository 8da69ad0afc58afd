"""Do the intervals of Fine-Gray and cause-specific models hold the truth? Coverage over simulated worlds.

Run: ``python benchmarks/truth/causes_coverage.py [--replications 2000]``. Seeds are 0, 1, 2, ...; a fit that fails or
warns counts as a miss. Worlds: Fine and Gray's own (1999, section 5), with entry on request, and two causes with
constant hazards.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from record import record

from custval import CustvalError
from custval.survival import CauseSpecificHazard, FineGray, survival_target

N, SUB, OWN, OTHER = 400, np.array([0.5, -0.5]), np.array([0.6, 0.0]), np.array([-0.3, 0.4])
SHARE, Z = 0.6, 1.959963984540054


def sub_world(rng: np.random.Generator, entry: bool):
    """Return columns and target of a world whose subdistribution hazard of cause 1 is proportional."""
    X = np.column_stack([rng.normal(size=N), rng.integers(0, 2, N)])
    own = np.exp(X @ SUB)
    ever = 1 - (1 - SHARE) ** own
    first = rng.random(N) < ever
    u = rng.random(N) * ever
    time = np.where(first, -np.log(1 - (1 - (1 - u) ** (1 / own)) / SHARE), rng.exponential(1 / np.exp(-0.4 * X[:, 0])))
    end = rng.uniform(0.5, 3.0, N)
    since = np.where(rng.random(N) < 0.4, rng.uniform(0, 0.4, N), 0.0) if entry else np.zeros(N)
    seen = np.minimum(time, end)
    keep = seen > since
    event = np.where(time > end, 0, np.where(first, 1, 2))
    y = survival_target(seen[keep], event[keep], entry=since[keep], causes=["price", "moved"])
    return X[keep], y


def sub_truth(x: np.ndarray, t: float) -> float:
    return float(1 - (1 - SHARE * (1 - np.exp(-t))) ** np.exp(x @ SUB))


def hazard_world(rng: np.random.Generator):
    """Return columns and target of a world with two constant hazards."""
    X = np.column_stack([rng.normal(size=N), rng.integers(0, 2, N)])
    first, second = (rng.exponential(1 / (rate * np.exp(X @ b))) for rate, b in ((0.05, OWN), (0.03, OTHER)))
    end = rng.uniform(5, 40, N)
    time = np.minimum(np.minimum(first, second), end)
    return X, survival_target(time, np.where(time == end, 0, np.where(time == first, 1, 2)), causes=["a", "b"])


def intervals(seed: int) -> Iterator[tuple[str, bool]]:
    """Yield for each parameter whether its interval holds the truth."""
    rng = np.random.default_rng(seed)
    for name, entry in (("Fine-Gray", False), ("Fine-Gray, late entry", True)):
        X, y = sub_world(rng, entry)
        model = FineGray().fit(X, y)
        for j in range(2):
            yield f"{name}: coefficient {j + 1}", abs(model.coef_[j] - SUB[j]) < Z * model.std_error_[j]
        asked = np.array([0.5, 1.0])
        band = model.predict_incidence_band(asked[None], [0.5, 1.2])
        for t, low, high in zip((0.5, 1.2), band.lower[0], band.upper[0], strict=True):
            yield f"{name}: incidence at {t}", bool(low < sub_truth(asked, t) < high)
    X, y = hazard_world(rng)
    both = CauseSpecificHazard().fit(X, y)
    for k, truth in enumerate((OWN, OTHER)):
        for j in range(2):
            held = abs(both.coef_[k, j] - truth[j]) < Z * both.std_error_[k, j]
            yield f"cause-specific: cause {k + 1}, coefficient {j + 1}", bool(held)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--replications", type=int, default=2000)
    count = parser.parse_args().replications
    held: dict[str, int] = {}
    failed = 0
    for seed in range(count):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                for name, inside in intervals(seed):
                    held[name] = held.get(name, 0) + bool(inside)
            except (
                CustvalError,
                Warning,
                ArithmeticError,
            ):
                # counted, not hidden: the parameters that were not reached are misses
                failed += 1
    low, high = {2000: (0.933, 0.965), 400: (0.91, 0.983)}.get(count, (0.895, 0.99))
    table = [
        {"interval": name, "coverage": f"{hits / count:.4f}", "inside the band": low <= hits / count <= high}
        for name, hits in held.items()
    ]
    text = (
        f"{count} worlds of {N} customers, two causes, 95 % intervals; failed fits: {failed} (misses). Band of the "
        f"definitions: {low} to {high}."
    )
    for row in table:
        print(row)
    record("truth: competing causes", table, script="benchmarks/truth/causes_coverage.py", text=text)


if __name__ == "__main__":
    main()
