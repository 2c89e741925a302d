"""Where topics live: Kafka, or the embedded SQLite file."""
