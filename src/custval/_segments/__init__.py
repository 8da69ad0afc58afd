"""Which customers are alike."""
