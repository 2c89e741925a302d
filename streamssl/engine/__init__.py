"""The deterministic heart of the service: (state, batch of records) -> (new state, records to emit)."""
