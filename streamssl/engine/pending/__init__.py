"""Events that wait for a label: their rows on disk, found by their ids."""
