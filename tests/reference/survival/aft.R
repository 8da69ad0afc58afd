# Numbers of aft.json: R 4.2.2, survival 3.5-3. Run with: Rscript aft.R > aft.json
library(survival)
# a small deterministic data set that any language makes again
n <- 80
i <- 0:(n - 1)
a <- (i * 7) %% 11 - 5
b <- (i * 5) %% 3
t <- 1 + (i * 37) %% 61 / 4 + ifelse(b == 2, 3, 0)
event <- as.numeric((i * 13) %% 4 > 0)
w <- 1 + (i %% 3)
id <- i %/% 4
lower <- ifelse(i %% 5 == 0, NA, pmax(t - 1.5, 0.25))
upper <- ifelse(event == 1, t + (i %% 2) * 2, NA)
lower <- ifelse(is.na(upper), t, lower)
lower <- ifelse(!is.na(upper) & i %% 7 == 0, upper, lower)
out <- function(name, fit, last = FALSE) {
  v <- as.numeric(fit$var)
  num <- function(x) paste0("[", paste(sprintf("%.15g", x), collapse = ", "), "]")
  cat(sprintf('  "%s": {"coef": %s, "scale": %s, "loglik": %s, "var": %s}%s\n', name, num(coef(fit)),
              num(fit$scale), num(fit$loglik), num(v), if (last) "" else ","))
}
tight <- survreg.control(rel.tolerance = 1e-13, maxiter = 200)
cat("{\n")
for (d in c("weibull", "exponential", "lognormal", "loglogistic")) {
  out(paste0(d, "_right"), survreg(Surv(t, event) ~ a + b, dist = d, control = tight))
  out(paste0(d, "_weights"), survreg(Surv(t, event) ~ a + b, dist = d, weights = w, control = tight))
  out(paste0(d, "_interval"), survreg(Surv(lower, upper, type = "interval2") ~ a + b, dist = d, control = tight))
  out(paste0(d, "_cluster"), survreg(Surv(t, event) ~ a + b + cluster(id), dist = d, control = tight))
}
# survreg's own robust variance leaves the weights out of the scores; dfbeta residuals know them
half <- w / 2
weighted <- survreg(Surv(t, event) ~ a + b, dist = "weibull", weights = half, control = tight)
weighted$var <- crossprod(residuals(weighted, type = "dfbeta", weighted = TRUE))
out("weibull_robust_weights", weighted)
out("weibull_strata", survreg(Surv(t, event) ~ a + strata(b), dist = "weibull", control = tight), last = TRUE)
cat("}\n")
