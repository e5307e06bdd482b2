"""What the bureau's records say: who works where, and whose identity was seen."""

from realname.models.cases import MisuseCase
from realname.models.posts import LEADS, Position, Post, PostQuerySet
from realname.models.records import CollectionMethod, RealNameRecord

__all__ = ["LEADS", "CollectionMethod", "MisuseCase", "Position", "Post", "PostQuerySet", "RealNameRecord"]
