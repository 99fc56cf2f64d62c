"""gRPC: the same operations through another door, whichever app they belong to."""
