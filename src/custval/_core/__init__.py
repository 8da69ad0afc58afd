"""What every wing stands on: errors, validation, frames, encoding, the estimator base, results, kernels."""
