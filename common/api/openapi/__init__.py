"""The OpenAPI document, built from what the endpoints declare and check requests against.

``generator`` walks the addresses, ``operations`` describes one method of one address, the other
modules its parts. Whatever a view enforces is read from the view; nothing is written down twice.
"""
