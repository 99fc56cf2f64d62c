"""The service that ``make bench`` compares with: products and their stock, without Django."""
