"""Sealed pictures in an S3-compatible store, for bureaus whose web nodes share no folder (FIL-04).

The store sees sealed bytes under random names alone; a key per picture lies in the database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile, File
from storages.backends.s3 import S3Storage

_ONE_THREAD = TransferConfig(use_threads=False)
_PATIENCE = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2}, signature_version="s3v4")


@contextmanager
def _as_files(name: str) -> Iterator[None]:
    """What a store says, in the words of a file system, which is all that the portal knows of."""
    try:
        yield
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
            raise FileNotFoundError(name) from error
        raise OSError(f"the store refuses: {error.response.get('Error', {}).get('Code')}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise OSError(f"the store does not answer: {type(error).__name__}") from error


class PhotoBucket(S3Storage):  # type: ignore[misc]  # the package has no types
    """A bucket that behaves as a folder does: OSError where it fails, and no wait of more than some seconds."""

    def __init__(self, **options: object) -> None:
        fixed = {"client_config": _PATIENCE, "default_acl": None, "transfer_config": _ONE_THREAD}
        super().__init__(**{**options, **fixed})

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        with _as_files(name):
            return ContentFile(self.bucket.Object(self._normalize_name(name)).get()["Body"].read(), name=name)

    def _save(self, name: str, content: "File[bytes]") -> str:
        with _as_files(name):
            saved: str = super()._save(name, content)
        return saved

    def delete(self, name: str) -> None:
        """Take it away; one that isn't there is no error."""
        with _as_files(name):
            super().delete(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Folders and files, as in a file system."""
        with _as_files(path):
            folders, files = super().listdir(path)
        return folders, files

    def get_modified_time(self, name: str) -> datetime:
        """When it was stored."""
        with _as_files(name):
            moment: datetime = super().get_modified_time(name)
        return moment
