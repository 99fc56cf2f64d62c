"""The inventory's part of the API."""
