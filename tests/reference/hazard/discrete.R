# The monthly hazard of one cause as R fits it: glm on person-months, binomial with logit and complementary log-log, the
# month as a factor, and a column that varies by month. Writes discrete.json beside it.
set.seed(20)
n <- 250
plan <- sample(c("basic", "gold"), n, replace = TRUE)
fee <- round(rnorm(n, 30, 5), 1)
entry <- sample(0:2, n, replace = TRUE)
toend <- sample(3:12, n, replace = TRUE)
rows <- list()
for (i in seq_len(n)) {
  for (t in (entry[i] + 1):8) {
    left <- toend[i] - (t - entry[i] - 1)
    p <- plogis(-2.6 + 0.5 * (plan[i] == "basic") + 0.04 * (fee[i] - 30) + 0.9 * (left == 1))
    gone <- rbinom(1, 1, p)
    rows[[length(rows) + 1]] <- c(i, t, left, gone)
    if (gone) break
  }
}
table <- as.data.frame(do.call(rbind, rows))
names(table) <- c("customer", "tenure", "left", "gone")
table$gold <- as.numeric(plan[table$customer] == "gold")
table$fee <- fee[table$customer]
fits <- list()
control <- glm.control(epsilon = 1e-14, maxit = 100)
for (link in c("logit", "cloglog")) {
  free <- glm(gone ~ factor(tenure) + gold + fee, binomial(link), table, control = control)
  clock <- glm(gone ~ log1p(tenure) + gold + fee + left, binomial(link), table, control = control)
  fits[[link]] <- list(
    free = list(coef = unname(coef(free)[c("gold", "fee")]),
                std_error = unname(sqrt(diag(vcov(free)))[c("gold", "fee")]),
                log_likelihood = as.numeric(logLik(free)),
                fitted = unname(fitted(free)[1:20])),
    clock = list(coef = unname(coef(clock)[c("gold", "fee")]),
                 std_error = unname(sqrt(diag(vcov(clock)))[c("gold", "fee")]),
                 clock = unname(coef(clock)["left"]),
                 clock_std_error = unname(sqrt(diag(vcov(clock)))["left"]),
                 log_likelihood = as.numeric(logLik(clock)))
  )
}
number <- function(x) paste0("[", paste(format(x, digits = 16, trim = TRUE), collapse = ", "), "]")
one <- function(fit) paste0("{", paste(sprintf("\"%s\": %s", names(fit), sapply(fit, number)), collapse = ", "), "}")
both <- function(link) paste0("{", paste(sprintf("\"%s\": %s", names(fits[[link]]), sapply(fits[[link]], one)), collapse = ", "), "}")
columns <- sapply(table, number)
cat("{\"source\": \"R glm\", \"version\": \"", as.character(getRversion()), "\",\n\"table\": {",
    paste(sprintf("\"%s\": %s", names(table), columns), collapse = ",\n"), "},\n",
    paste(sprintf("\"%s\": %s", names(fits), sapply(names(fits), both)), collapse = ",\n"), "}\n",
    sep = "", file = "discrete.json")
