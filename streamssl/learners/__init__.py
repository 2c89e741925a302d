"""Online semi-supervised classifiers: arrays in, probabilities out; no I/O, no clock, no global randomness."""
