"""What seed_demo loads: a small shop with a month of its stock, and a large assortment beside it.

Told without a database by ``catalogue`` and ``month`` (the shop), ``assortment`` and ``trade`` (the
large one); written by ``shop`` through the operations and by ``bulk`` past them; ``loading`` does
both.
"""
