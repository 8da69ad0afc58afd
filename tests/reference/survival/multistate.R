# State occupation of survfit (Aalen-Johansen, infinitesimal jackknife) and the mean number of events.
# Rscript multistate.R > multistate.json
suppressMessages(library(survival))
set.seed(11)
show <- function(x) {
  if (is.list(x)) return(paste0("{", paste(sprintf("\"%s\": %s", names(x), sapply(x, show)), collapse = ",\n "), "}"))
  if (is.character(x)) return(paste0("[", paste(sprintf("\"%s\"", x), collapse = ", "), "]"))
  paste0("[", paste(sprintf("%.15g", x), collapse = ", "), "]")
}
states <- c("active", "suspended", "lost", "won back")
rate <- rbind(c(0, .06, .03, 0), c(.2, 0, .1, 0), c(0, 0, 0, .08), c(0, 0, .05, 0))
rows <- NULL
for (i in 1:60) {
  s <- 1; t <- 0; end <- runif(1, 8, 30)
  repeat {
    out <- sum(rate[s, ]); stay <- rexp(1, out); to <- if (t + stay < end) sample(4, 1, prob = rate[s, ]) else NA
    stop <- round(min(t + stay, end), 1); if (stop <= t) stop <- t + .1
    rows <- rbind(rows, data.frame(id = i, start = t, stop = stop, state = s, to = to))
    if (is.na(to) || stop >= end) break
    t <- stop; s <- to
  }
}
d <- rows; d$event <- factor(ifelse(is.na(d$to), 0, d$to), 0:4, labels = c("censor", states)); d$now <- factor(states[d$state], states)
fit <- survfit(Surv(start, stop, event) ~ 1, data = d, id = id, istate = now)
at <- c(3, 8, 15, 22); s <- summary(fit, times = at)
# complaints: recurrent events
n <- 40; fu <- round(runif(n, 5, 20), 1); ev <- lapply(1:n, function(i) { k <- cumsum(rexp(30, .12 * (1 + i %% 3))); round(k[k < fu[i]], 2) })
who <- rep(seq_len(n) - 1, lengths(ev)); when <- unlist(ev); when[when == 0] <- .01
long <- do.call(rbind, lapply(1:n, function(i) { e <- ev[[i]]; data.frame(id = i, a = c(0, e), b = c(e, fu[i]), ev = c(rep(1, length(e)), 0), x = i %% 3, k = seq_len(length(e) + 1)) }))
long <- long[long$b > long$a, ]
m <- survfit(Surv(a, b, ev) ~ 1, data = long, id = id)
w <- sapply(c(5, 10, 15), function(u) max(which(m$time <= u)))
ag <- coxph(Surv(a, b, ev) ~ x, data = long, cluster = id, ties = "efron")
pwp <- coxph(Surv(a, b, ev) ~ x + strata(k), data = long, cluster = id, ties = "efron")
gap <- coxph(Surv(b - a, ev) ~ x + strata(k), data = long, cluster = id, ties = "efron")
cat(show(list(source = paste("R survival", packageVersion("survival")), states = states,
  spells = list(customer = d$id, start = d$start, end = d$stop, state = d$state, next_ = ifelse(is.na(d$to), 0, d$to)),
  order = fit$states, at = at, pstate = as.numeric(t(s$pstate)), std_err = as.numeric(t(s$std.err)),
  recurrent = list(follow_up = fu, customer = who, time = when, at = c(5, 10, 15), mean = m$cumhaz[w], std_error = m$std.chaz[w],
    ag = c(coef(ag), sqrt(diag(ag$var))), pwp = c(coef(pwp), sqrt(diag(pwp$var))), gap = c(coef(gap), sqrt(diag(gap$var)))))), "\n")
