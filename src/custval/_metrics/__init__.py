"""Is the forecast any good."""
