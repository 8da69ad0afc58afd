"""What a purchase is worth, customer by customer: gamma-gamma and log-normal spend as formulas.

Gamma-gamma: a purchase of a customer is Gamma(p, nu), nu ~ Gamma(q, gamma). For the mean m of x purchases

    log L = log Gamma(px+q) - log Gamma(px) - log Gamma(q) + q log gamma + (px-1) log m + px log x
            - (px+q) log(gamma+mx)
    E(spend | x, m) = p (gamma + m x) / (p x + q - 1),      exists where p x + q > 1

Log-normal: the logarithm of a purchase is N(theta, sigma^2), theta ~ N(mu, tau^2). For the mean l of x logarithms and
their squared deviations d

    log L = -1/2 [ x log(2 pi) + (x-1) log sigma^2 + log(sigma^2 + x tau^2) + d/sigma^2
                   + x (l-mu)^2/(sigma^2 + x tau^2) ]
    E(spend | x, l) = exp(c + v/2 + sigma^2/2),  v = 1/(1/tau^2 + x/sigma^2),  c = v (mu/tau^2 + x l/sigma^2)

References
----------
Fader, P. S. and Hardie, B. G. S. (2013), The gamma-gamma model of monetary value, brucehardie.com/notes/025, eq. 1a, 5.
Colombo, R. and Jiang, W. (1999), A stochastic RFM model, Journal of Interactive Marketing 13(3).
Searle, S. R., Casella, G. and McCulloch, C. E. (1992), Variance Components, section 3.7 (one-way normal likelihood).
"""

from __future__ import annotations

import numpy as np

from custval._clv.levels import Levels
from custval._clv.likelihood_fit import Slopes
from custval._core.typing import FloatArray

__all__ = ("gamma_gamma_mean", "gamma_gamma_slopes", "log_normal_mean", "log_normal_slopes")


def gamma_gamma_slopes(x: FloatArray, m: FloatArray, weight: FloatArray) -> Slopes:
    """Return the log-likelihood with its gradient as a function of log p, log q, log gamma."""
    from scipy.special import digamma, gammaln

    levels = Levels.of(x)
    some, count = x[levels.first], levels.totals(weight)
    spent, n = x * m, float(weight.sum())
    # what no parameter moves, and sums that stand beside p
    known = float(-weight @ np.log(m))
    beside_p = float(weight @ (x * np.log(spent)))
    weighted = weight * x

    def evaluate(point: FloatArray) -> tuple[float, FloatArray]:
        p, q, gamma = np.exp(point)
        size = p * some
        whole = gamma + spent
        log = np.log(whole)
        in_x, in_one = float(weighted @ log), float(weight @ log)
        levelled = count @ (gammaln(size + q) - gammaln(size))
        value = levelled - n * (gammaln(q) - q * np.log(gamma)) + known + p * beside_p - p * in_x - q * in_one
        psi = digamma(size + q)
        in_p = count @ (some * (psi - digamma(size))) + beside_p - in_x
        in_q = count @ psi - n * (digamma(q) - np.log(gamma)) - in_one
        over = 1.0 / whole
        in_gamma = n * q / gamma - p * float(weighted @ over) - q * float(weight @ over)
        return float(value), np.array([p * in_p, q * in_q, gamma * in_gamma])

    return evaluate


def gamma_gamma_mean(p: float, q: float, gamma: float, x: FloatArray, m: FloatArray) -> FloatArray:
    """Return the expected spend of a purchase; x = 0 is a new customer."""
    return np.asarray(p * (gamma + m * x) / (p * x + q - 1.0))


def log_normal_slopes(x: FloatArray, mean: FloatArray, squares: FloatArray, weight: FloatArray) -> Slopes:
    """Return the log-likelihood with its gradient as a function of mu, log sigma, log tau."""
    total, spare = float(weight @ x), float(weight @ (x - 1.0))
    within = float(weight @ squares)

    def evaluate(point: FloatArray) -> tuple[float, FloatArray]:
        mu, sigma2, tau2 = point[0], np.exp(2.0 * point[1]), np.exp(2.0 * point[2])
        both = sigma2 + x * tau2
        off = mean - mu
        value = total * np.log(2.0 * np.pi) + spare * np.log(sigma2) + within / sigma2
        value += float(weight @ (np.log(both) + x * off**2 / both))
        bend = weight * (1.0 / both - x * off**2 / both**2)
        in_sigma = -(spare - within / sigma2 + sigma2 * float(bend.sum()))
        return -0.5 * value, np.array([float(weight @ (x * off / both)), in_sigma, -tau2 * float(bend @ x)])

    return evaluate


def log_normal_mean(mu: float, sigma: float, tau: float, x: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the expected spend of a purchase; x = 0 is a new customer."""
    spread = 1.0 / (1.0 / tau**2 + x / sigma**2)
    centre = spread * (mu / tau**2 + x * mean / sigma**2)
    return np.exp(centre + (spread + sigma**2) / 2.0)
