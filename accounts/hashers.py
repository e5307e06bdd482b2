"""How passwords are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """argon2id with the parameters OWASP gives for a server: 19 MiB, two passes, one lane (PW-01).

    Django's default takes five times the memory: a hundred sign-ins at once would take four gigabytes.
    """

    memory_cost = 19456
    time_cost = 2
    parallelism = 1
