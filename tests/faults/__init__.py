"""What must hold while PostgreSQL or Redis is killed, frozen, full or hogged (RULES §6).

Each test breaks servers of this folder's own while clients keep asking a real web server.
"""
