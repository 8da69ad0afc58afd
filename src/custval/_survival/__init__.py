"""How long customers stay and why they leave."""
