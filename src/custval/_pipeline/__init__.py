"""The whole chain: read, repair, fit, value, segment, mine, plan, write."""
