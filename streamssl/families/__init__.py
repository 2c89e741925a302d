"""The textbook families of semi-supervised learning, each around any classifier of River, each guarded."""
