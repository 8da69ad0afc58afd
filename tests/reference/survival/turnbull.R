# Numbers of turnbull.json: R 4.2.2, survival 3.5-3. Run with: Rscript turnbull.R > turnbull.json
library(survival)
i <- 0:39
lower <- (i * 7) %% 13
upper <- lower + 1 + (i * 5) %% 4
upper <- ifelse((i * 11) %% 4 == 0, NA, upper)
lower <- ifelse(lower == 0, NA, lower)
upper <- ifelse(is.na(lower) & is.na(upper), 3, upper)
fit <- survfit(Surv(lower, upper, type = "interval2") ~ 1, robust = FALSE)
# the self-consistency steps of survfit stop early; repeat them by hand to the end
num <- function(x) paste0("[", paste(sprintf("%.15g", x), collapse = ", "), "]")
l <- ifelse(is.na(lower), 0, lower); u <- ifelse(is.na(upper), Inf, upper)
cuts <- sort(unique(c(l, u)))
left <- head(cuts, -1); right <- tail(cuts, -1)
inside <- outer(l, left, "<=") & outer(u, right, ">=")
p <- rep(1 / length(left), length(left))
for (k in 1:200000) { q <- colMeans(t(t(inside) * p) / as.numeric(inside %*% p)); if (max(abs(q - p)) < 1e-15) break; p <- q }
cat(sprintf('{"right": %s, "survival": %s, "loglik": %.15g,\n "survfit_time": %s, "survfit_surv": %s}\n', num(ifelse(is.finite(right), right, 1e300)),
            num(1 - cumsum(p)), sum(log(inside %*% p)), num(fit$time), num(fit$surv)))
