"""PostgreSQL for a portal whose every request must end: Django's own backend, with an end to its patience (F1, F2).

Only who serves requests is in a hurry; migrations, imports and nightly jobs take the time they need.
"""

from typing import Any

CONNECT_SECONDS = 2
CHECK_SECONDS = 1.0
"""How long a connection that was kept may take to show that it lives, before the request asks anything."""
PATIENCE_SECONDS = 2.5
"""How long a request waits for one answer; a connection that was found hung and another try make less than 5 s."""
_SERVER_LIMITS = {
    "statement_timeout": 2_200,  # shorter than our patience: a server that lives ends the statement itself
    "lock_timeout": 1_800,
    "idle_in_transaction_session_timeout": 30_000,  # longer than the longest wait for a hash slot
}
_BOUND = {"server_side_binding": True}
_PREPARED = {"prepare_threshold": 3}
"""What a connection has asked three times the server keeps prepared: planning costs more than most of our answers.

Only where requests are served, over connections of a minute: a plan that was kept while an import filled empty tables
would go through them from end to end. A pooler in between must keep prepared statements as well (docs/scale.md)."""
_DEAD_PEER = {"keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2}


def options(*, serving: bool) -> dict[str, Any]:
    """What driver and libpq are told; with `serving` a request's limits as well (milliseconds on the server)."""
    told = {"application_name": "etax", **_DEAD_PEER, **_BOUND}
    if not serving:
        return {**told, "connect_timeout": 10}
    limits = " ".join(f"-c {name}={value}" for name, value in _SERVER_LIMITS.items())
    return {**told, **_PREPARED, "connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": 3_000, "options": limits}
