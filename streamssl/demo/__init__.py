"""The demo: the real service on real data, with a simulated reviewer, and its accuracy against the hidden truth."""
