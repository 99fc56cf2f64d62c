"""What nobody should send, sent to a server that really runs (RULES.md §4).

Every refusal is a document with a stable code, changes nothing, and leaves nothing in the log that
looks like a crash. The tables are to be extended: one line for one more bad idea.
"""
