"""Files of rows that staff bring in, look at, apply and take back; and files that they take out.

What a row means is a kind's business (``kinds``): apps register theirs. Nothing here knows them.
"""
