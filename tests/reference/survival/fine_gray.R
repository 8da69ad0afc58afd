# Fine-Gray references: cmprsk (no entry), survival's finegray + coxph (entry, weights, changing columns, clusters).
# Rscript fine_gray.R > fine_gray.json
suppressMessages({library(survival); library(cmprsk)})
show <- function(x) {
  if (is.list(x)) return(paste0("{", paste(sprintf("\"%s\": %s", names(x), sapply(x, show)), collapse = ",\n "), "}"))
  if (is.character(x)) return(sprintf("\"%s\"", x))
  paste0("[", paste(sprintf("%.15g", x), collapse = ", "), "]")
}
set.seed(42)
n <- 120
a <- round(rnorm(n), 3); b <- rbinom(n, 1, .5)
t1 <- rexp(n, exp(.6 * a) / 15); t2 <- rexp(n, exp(.5 * b) / 20); end <- runif(n, 3, 40)
time <- pmin(t1, t2, end); cause <- ifelse(time == end, 0, ifelse(time == t1, 1, 2))
months <- pmax(ceiling(time), 1); exact <- round(time, 4) + .0001
weight <- sample(1:3, n, TRUE); account <- sample(1:40, n, TRUE)
entry <- floor(ifelse(runif(n) < .5, runif(n) * months, 0)); late <- round(entry * exact / months * .9, 4)
X <- cbind(a = a, b = b); f <- factor(cause, 0:2)
crr_case <- function(time, code) {
  m <- crr(time, cause, X, failcode = code, cencode = 0, gtol = 1e-10)
  p <- predict(m, rbind(c(.5, 1)))
  at <- c(5, 10, 20); F <- sapply(at, function(u) { w <- which(p[, 1] <= u); if (length(w)) p[max(w), 2] else 0 })
  list(coef = as.numeric(m$coef), se = sqrt(diag(m$var)), loglik = m$loglik, at = at, incidence = F)
}
geskus <- function(entry, time, code, cluster = seq_len(n), copies = rep(1, n)) {
  d <- data.frame(entry, time, f, a, b, cl = cluster)[rep(seq_len(n), copies), ]; d$id <- seq_len(nrow(d))
  g <- finegray(Surv(entry, time, f) ~ ., data = d, etype = as.character(code), id = id)
  m <- coxph(Surv(fgstart, fgstop, fgstatus) ~ a + b, weights = fgwt, data = g, ties = "breslow", cluster = cl)
  list(coef = as.numeric(coef(m)), se = sqrt(diag(m$var)), naive = sqrt(diag(m$naive.var)), loglik = m$loglik[2])
}
# a tariff that changes at month 6 (external): two rows for those who stay longer
long <- months > 6
rows <- rbind(
  data.frame(id = 1:n, entry = entry, time = ifelse(long, 6, months), cause = ifelse(long, 0, cause), a, b, tariff = 0)[!(long & entry >= 6), ],
  data.frame(id = 1:n, entry = pmax(entry, 6), time = months, cause, a, b, tariff = 1)[long, ])
rows <- rows[order(rows$id, rows$entry), ]; rows$f <- factor(rows$cause, 0:2)
g <- finegray(Surv(entry, time, f) ~ ., data = rows, etype = "1", id = id)
m <- coxph(Surv(fgstart, fgstop, fgstatus) ~ a + b, weights = fgwt, data = g, ties = "breslow", cluster = id)
cat(show(list(
  source = paste("R survival", packageVersion("survival"), "/ cmprsk", packageVersion("cmprsk")),
  data = list(months = months, exact = exact, entry = entry, late = late, cause = cause, a = a, b = b, weight = weight, account = account),
  rows = list(id = rows$id, entry = rows$entry, time = rows$time, cause = rows$cause, a = rows$a, b = rows$b, tariff = rows$tariff),
  crr_months_1 = crr_case(months, 1), crr_months_2 = crr_case(months, 2), crr_exact_1 = crr_case(exact, 1),
  entry_months_1 = geskus(entry, months, 1), entry_months_2 = geskus(entry, months, 2),
  entry_exact_1 = geskus(late, exact, 1), entry_cluster_1 = geskus(entry, months, 1, account),
  entry_weight_1 = geskus(entry, months, 1, copies = weight),
  split_rows_1 = list(coef = as.numeric(coef(m)), se = sqrt(diag(m$var)))
)), "\n")
