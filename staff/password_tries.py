"""Judging a password at a door: a try counts for its account, an account that fails counts for its address (D13)."""

from accounts import throttles
from accounts.actor import Actor
from accounts.addresses import neighbourhood
from accounts.limits import ADDRESS_ACCOUNTS, PASSWORD
from accounts.refusals import TooMany


def refuse_slowed(*, by: Actor) -> None:
    """Raise `TooMany` for an address that has failed on many accounts."""
    seconds = throttles.wait(ADDRESS_ACCOUNTS, neighbourhood(by.ip))
    if seconds:
        raise TooMany(seconds)


def judge(right: bool, subject: str, *, by: Actor) -> str:
    """Count the try, in the caller's transaction; the reason it is refused for, or nothing.

    A right one counts for nothing while the account is locked. One that follows wrong ones gives one back to the
    address it comes from, which mostly is theirs: a tax hall isn't slowed down by who mistypes, and a right password
    alone gives nothing back for other accounts.
    """
    forgiven = throttles.forgive(PASSWORD, subject) if right else None
    if forgiven is not None:
        if forgiven:
            throttles.give_back(ADDRESS_ACCOUNTS, neighbourhood(by.ip))
        return ""
    if throttles.fail(PASSWORD, subject) == 1:  # one more account that this address gets wrong
        throttles.fail(ADDRESS_ACCOUNTS, neighbourhood(by.ip))
    return "locked" if right else "wrong_password"
