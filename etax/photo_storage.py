"""Where pictures of real-name collection lie: a folder that all web nodes share, or an S3-compatible store."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEME = "s3"


def storage(url: str, folder: str) -> dict[str, Any]:
    """The entry of `STORAGES`: the store that `url` names, `s3://key:secret@host/bucket?region=…`, else the folder.

    `tls=off` is for tests on one machine; a real bureau's start refuses it.
    """
    if not url:
        modes = {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": folder, **modes}}
    parts, wanted = urlsplit(url), dict(parse_qsl(urlsplit(url).query))
    scheme = "http" if wanted.get("tls") == "off" else "https"
    options = {
        "access_key": unquote(parts.username or ""),
        "secret_key": unquote(parts.password or ""),
        "endpoint_url": f"{scheme}://{parts.netloc.rpartition('@')[2]}",
        "bucket_name": parts.path.strip("/"),
        "region_name": wanted.get("region", "us-east-1"),
        "addressing_style": wanted.get("style", "path"),
    }
    return {"BACKEND": "realname.buckets.PhotoBucket", "OPTIONS": options}


def is_fit(url: str) -> bool:
    """Whether a real bureau may keep pictures there: nowhere else than named, and encrypted on the way."""
    parts = urlsplit(url)
    is_whole = parts.scheme == SCHEME and all((parts.username, parts.password, parts.hostname, parts.path.strip("/")))
    return not url or (is_whole and dict(parse_qsl(parts.query)).get("tls") != "off")
