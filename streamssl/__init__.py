"""A streaming, online, semi-supervised learner."""
