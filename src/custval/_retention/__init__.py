"""Whom to contact, with what, at what profit."""
