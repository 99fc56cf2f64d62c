"""Lists as somebody wants to see them again: a name for a search, filters and an order."""
