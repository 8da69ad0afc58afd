# Numbers of R's survival for every combination of entry, strata, weights, ties, cluster and ridge, on simulated rows.
# Run: Rscript cox.R > cox.json
library(survival)
set.seed(20240229)
people <- 35
rows <- do.call(rbind, lapply(seq_len(people), function(i) {
  x1 <- rnorm(1); x2 <- rbinom(1, 1, .5)
  end <- ceiling(rexp(1, .08 * exp(.5 * x1 - .4 * x2)))
  end <- min(max(end, 1), 20); left <- as.integer(end < 20 & runif(1) < .8)
  start <- if (end > 2 && runif(1) < .4) sample.int(end - 2, 1) else 0
  group <- sample(c("a", "b", "c"), 1)
  cut <- if (end - start > 2) start + sample.int(end - start - 1, 1) else NA
  if (is.na(cut)) return(data.frame(id = i, start, end, left, x1, x2, x3 = rexp(1), group))
  data.frame(id = i, start = c(start, cut), end = c(cut, end), left = c(0, left), x1, x2, x3 = rexp(2), group)
}))
n <- nrow(rows)
rows$whole <- as.numeric(sample.int(3, n, replace = TRUE))
rows$part <- round(runif(n, .3, 2.5), 2)
one <- function(v) if (is.numeric(v)) formatC(v, digits = 15, format = "g") else paste0('"', v, '"')
json <- function(v) {
  if (is.list(v)) return(paste0("{", paste0('"', names(v), '": ', vapply(v, json, ""), collapse = ",\n"), "}"))
  if (is.matrix(v)) return(paste0("[", paste(apply(v, 1, function(r) json(as.vector(r))), collapse = ", "), "]"))
  if (length(v) == 1 && is.null(names(v)) && !inherits(v, "many")) return(one(v))
  paste0("[", paste(vapply(as.vector(v), one, ""), collapse = ", "), "]")
}
many <- function(v) structure(as.vector(v), class = "many")
new <- data.frame(x1 = c(.5, -1), x2 = c(0, 1), x3 = c(1, .2))
fits <- list()
for (entry in c(FALSE, TRUE)) for (strata in c(FALSE, TRUE)) for (weights in c("none", "whole", "part"))
  for (ties in c("efron", "breslow")) for (cluster in c(FALSE, TRUE)) for (ridge in c(0, 1.5)) {
    y <- if (entry) "Surv(start, end, left)" else "Surv(end, left)"
    x <- if (ridge > 0) paste0("ridge(x1, x2, x3, theta = ", ridge, ", scale = FALSE)") else "x1 + x2 + x3"
    if (strata) x <- paste(x, "+ strata(group)")
    call <- list(as.formula(paste(y, "~", x)), data = rows, ties = ties, x = TRUE,
                 control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 60))
    if (weights != "none") call$weights <- rows[[weights]]
    if (cluster) call$cluster <- rows$id
    fit <- do.call(coxph, call)
    robust <- !is.null(fit$naive.var)
    told <- list(entry = as.integer(entry), strata = as.integer(strata), weights = weights, ties = ties,
                 cluster = as.integer(cluster), l2 = ridge, coef = many(fit$coefficients),
                 std_error = many(sqrt(diag(if (robust) fit$naive.var else fit$var))), log_likelihood = many(fit$loglik))
    if (robust) told$robust <- many(sqrt(diag(fit$var)))
    if (ridge == 0 && !cluster) {
      if (weights == "none") told$tests <- many(c(2 * diff(fit$loglik), fit$wald.test, fit$score))
      if (weights != "part") {
        told$martingale <- many(residuals(fit)); told$deviance <- many(residuals(fit, type = "deviance"))
        told$score <- residuals(fit, type = "score"); told$dfbeta <- residuals(fit, type = "dfbeta")
        told$schoenfeld <- unname(as.matrix(residuals(fit, type = "schoenfeld")))
        told$scaled <- unname(as.matrix(residuals(fit, type = "scaledsch")))
      }
      for (g in c("km", "identity", "rank", "log")) told[[paste0("zph_", g)]] <- many(cox.zph(fit, transform = g)$table[, 1])
      given <- if (strata) cbind(new, group = "b") else new
      curve <- summary(survfit(fit, newdata = given, se.fit = TRUE), times = c(2, 5, 9, 14))
      told$survival <- t(unname(as.matrix(curve$surv))); told$survival_error <- t(unname(as.matrix(curve$std.err)))
    }
    fits[[length(fits) + 1]] <- told
  }
cat('{"source": "R ', as.character(getRversion()), ', survival ', as.character(packageVersion("survival")), '",\n', sep = "")
cat('"data": ', json(lapply(rows, many)), ',\n"fits": [', paste(vapply(fits, json, ""), collapse = ",\n"), "]}\n", sep = "")
