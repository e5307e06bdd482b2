"""What the bureau's records say: who works where, whose identity was seen, and what is on its way to that."""

from realname.models.cases import MisuseCase
from realname.models.changes import ChangeKind, ChangeOutcome, ChangeRequest, ChangeScan, ChangeState
from realname.models.collections import Collection, CollectionQuerySet, Outcome, Photo, PhotoKind, PhotoQuerySet, Way
from realname.models.posts import LEADS, Position, Post, PostQuerySet
from realname.models.records import CollectionMethod, RealNameRecord

__all__ = [
    "LEADS",
    "ChangeKind",
    "ChangeOutcome",
    "ChangeRequest",
    "ChangeScan",
    "ChangeState",
    "Collection",
    "CollectionMethod",
    "CollectionQuerySet",
    "MisuseCase",
    "Outcome",
    "Photo",
    "PhotoKind",
    "PhotoQuerySet",
    "Position",
    "Post",
    "PostQuerySet",
    "RealNameRecord",
    "Way",
]
