"""The catalogue as shops read it: one document for each product, with its stock.

A read model. Nothing is decided by it, and all of it can be made anew from products and stock.
"""
