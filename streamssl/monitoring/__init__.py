"""What the service shows of itself: Prometheus metrics."""
