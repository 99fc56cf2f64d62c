"""Stock: how many are where, how many can be promised, and why that is the number."""
