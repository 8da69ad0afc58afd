"""From records to the customer view."""
