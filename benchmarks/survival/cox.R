# The R side of cox.py: Rscript cox.R task folder repeats; prints seconds, peak memory and coefficients as JSON.
suppressMessages(library(survival))
given <- commandArgs(trailingOnly = TRUE)
read <- function(name) {
  path <- file.path(given[2], paste0(name, ".bin"))
  readBin(path, "double", n = file.size(path) / 8)
}
duration <- read("duration"); event <- read("event"); entry <- read("entry")
X <- matrix(read("X"), nrow = length(duration))
y <- if (given[1] %in% c("time-varying", "continuous-entry")) Surv(entry, duration, event) else Surv(duration, event)
seconds <- vapply(seq_len(as.integer(given[3])), function(i) {
  sum(system.time(fit <<- coxph(y ~ X, ties = "efron"))[1:2])
}, 0)
peak <- as.numeric(sub("\\D*(\\d+).*", "\\1", grep("VmHWM", readLines("/proc/self/status"), value = TRUE))) / 1024
cat(sprintf('{"seconds": [%s], "peak": %f, "coef": [%s]}\n', paste(seconds, collapse = ", "), peak,
            paste(formatC(fit$coefficients, digits = 15), collapse = ", ")))
