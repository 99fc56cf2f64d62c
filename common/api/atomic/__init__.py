"""Several operations in one request, all or nothing: JSON:API's extension for atomic operations."""
