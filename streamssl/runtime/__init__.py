"""The loop around the engine: poll, step, commit, snapshot, recover, health, shutdown."""
