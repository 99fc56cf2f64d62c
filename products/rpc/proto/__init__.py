"""The contracts of products' gRPC services, and what `make proto` makes of them."""
