"""The proof that every request is applied exactly once: ``make race``.

Clients race for stock on a server of their own while its processes are killed, its sessions are
ended and the clients themselves hang up. What they were told is then held against the ledger.

    operations  what a client can want, what can go wrong, and what is for sale
    schedule    what the clients will do and meet, drawn from a seed: lives of holds and batches too
    asking      how an operation is asked for, and what its answer tells
    clients     HTTP clients that carry it out and keep a log
    kills       SIGKILL for workers, an end to sessions of the database
    sweeper     what beat does for holds, beside the server
    history     the log and the database, as plain values
    known       a history, looked up from all sides; baskets: a hold as its clients know it
    checker     the list of what must be true of a history; pure, as are its parts:
                told, refusals, ledgers, promises, and windows for what was so when
    wsgi        the server of a race, with its fault points and perhaps a planted bug
    faults      places in a request where its worker kills itself
    plants      bugs that the checker has to find
    shop        what is for sale, and what the database says of it at the end
    running     one race from the first request to the verdict
"""
