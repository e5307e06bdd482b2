"""What the bureau's records say: who works where, and whose identity was seen."""

from realname.models.cases import MisuseCase
from realname.models.changes import ChangeKind, ChangeRequest, ChangeScan, ChangeState, Outcome
from realname.models.posts import LEADS, Position, Post, PostQuerySet
from realname.models.records import CollectionMethod, RealNameRecord

__all__ = [
    "LEADS",
    "ChangeKind",
    "ChangeRequest",
    "ChangeScan",
    "ChangeState",
    "CollectionMethod",
    "MisuseCase",
    "Outcome",
    "Position",
    "Post",
    "PostQuerySet",
    "RealNameRecord",
]
