"""The contracts of inventory' gRPC services, and what `make proto` makes of them."""
