"""Stock over gRPC."""
