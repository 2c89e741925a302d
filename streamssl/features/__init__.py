"""Event features (numbers, categories, vectors; missing, new, wrong) -> one float32 row."""
