"""MongoDB's own backend for Django, with lists that are read in the order of an index."""
