"""What a request carries once the middlewares have seen it."""

from django.http import HttpRequest

from accounts.actor import Actor


class Request(HttpRequest):
    """Django's request with the actor and the request's own number; for annotations alone, nobody makes one."""

    actor: Actor
    request_id: str
