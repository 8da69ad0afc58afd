# Numbers of concordance.json: R 4.2.2, survival 3.5-3. Run with: Rscript concordance.R > concordance.json
library(survival)
i <- 0:69
d <- ((i * 37) %% 71 + 1) * 0.5 + ((i * 13) %% 7) * 0.013
e <- as.integer((i * 29) %% 10 < 6)
x <- ((i * 17) %% 23) / 4 - d / 8
w <- 1 + i %% 3
entry <- round(d * ((i * 7) %% 5) / 12, 6)
whole <- ceiling(d)
show <- function(name, fit, last = FALSE)
  cat(sprintf('  "%s": [%.15g, %.15g]%s\n', name, fit$concordance, sqrt(fit$var), if (last) "" else ","))
cat("{\n")
show("harrell", concordance(Surv(d, e) ~ x, reverse = TRUE))
show("harrell_weighted", concordance(Surv(d, e) ~ x, weights = w, reverse = TRUE))
show("harrell_entry", concordance(Surv(entry, d, e) ~ x, reverse = TRUE))
show("harrell_ties", concordance(Surv(whole, e) ~ round(x), weights = w, reverse = TRUE))
show("uno", concordance(Surv(d, e) ~ x, reverse = TRUE, timewt = "n/G2"))
show("uno_tau", concordance(Surv(d, e) ~ x, reverse = TRUE, timewt = "n/G2", ymax = 19.9))
show("uno_ties", concordance(Surv(whole, e) ~ round(x), reverse = TRUE, timewt = "n/G2"), last = TRUE)
cat("}\n")
