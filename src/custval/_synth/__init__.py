"""A telecom world whose truth is known."""
