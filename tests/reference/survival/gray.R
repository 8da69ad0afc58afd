# Numbers of gray.json: R 4.2.2, cmprsk 2.2-11. Run with: Rscript gray.R > gray.json
library(cmprsk)
i <- 0:119
time <- 1 + (i * 37) %% 19
cause <- (i * 13) %% 7 %% 3
two <- (i * 11) %% 2
three <- (i * 17) %% 5 %% 3
layer <- (i * 3) %% 4 %/% 2
time <- time + ifelse(three == 1, 2, 0)
num <- function(x) paste0("[", paste(sprintf("%.15g", x), collapse = ", "), "]")
show <- function(name, fit, last = FALSE)
  cat(sprintf('  "%s": {"statistic": %s, "p_value": %s, "df": %s}%s\n', name, num(fit$Tests[, "stat"]), num(fit$Tests[, "pv"]),
              num(fit$Tests[, "df"]), if (last) "" else ","))
cat("{\n")
show("two", cuminc(time, cause, two))
show("three", cuminc(time, cause, three))
show("two_strata", cuminc(time, cause, two, strata = layer))
show("three_strata", cuminc(time, cause, three, strata = layer))
show("three_rho", cuminc(time, cause, three, rho = 1))
show("distinct", cuminc(time + i / 1000, cause, three), last = TRUE)
cat("}\n")
