"""Uploads in a bucket of S3, or of anything that speaks its language.

Imported when the first file is touched and never without a bucket: boto3 takes
longer to import than the whole site.
"""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, BinaryIO

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    ReadTimeoutError,
)
from django.core.files.base import File
from django.utils import timezone
from django.utils.functional import cached_property
from storages.backends.s3 import S3Storage

from .patience import Patience
from .storage import StorageDown

# What is wanted again within it need not be told so.
_FRESH = timedelta(minutes=30)
_IN_MEMORY_BYTES = 2 * 1024 * 1024
_making = threading.RLock()


class _Silent(StorageDown):
    """Nothing was heard of it for as long as anybody waits."""


_patience = Patience((_Silent,), _Silent("The bucket's server said nothing just now."))


class ObjectStorage(S3Storage):
    """Private objects whose name is their content's hash.

    An object is there whole or not at all, S3 sees to that; a name that exists
    already holds the same bytes, so saving it again keeps what is there.

    Every method raises ``FileNotFoundError`` for an object that is not there and
    ``StorageDown`` for a server that does not answer, or not to us.
    """

    def __init__(self, *, public_url: str | None = None, **settings: Any) -> None:
        """
        Args:
            public_url: where browsers find the server, if not where we do.
        """
        self.public_url = public_url
        super().__init__(**settings)

    def get_default_settings(self) -> dict[str, Any]:
        return super().get_default_settings() | {
            "max_memory_size": _IN_MEMORY_BYTES,
            "transfer_config": TransferConfig(use_threads=False),
            "client_config": Config(
                signature_version="s3v4",
                connect_timeout=3,
                read_timeout=10,
                retries={"mode": "standard", "total_max_attempts": 2},
                # Of what is not Amazon's, much does not know the newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        }

    def _open(self, name: str, mode: str = "rb") -> File:
        with _told(name):
            file = super()._open(name, mode)
            return file.open()  # fetched here, where what goes wrong is told

    def _save(self, name: str, content: File) -> str:
        with _told(name):
            if modified := self._modified(name):
                self._touch(name, modified)
                return name
            return super()._save(name, content)

    def delete(self, name: str) -> None:
        with _told(name):
            super().delete(name)

    def exists(self, name: str) -> bool:
        with _told(name):
            return super().exists(name)

    def size(self, name: str) -> int:
        with _told(name):
            return super().size(name)

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with _told(name):
            return super().listdir(name)

    def get_modified_time(self, name: str) -> datetime:
        with _told(name):
            return super().get_modified_time(name)

    def reader(
        self, name: str, first: int = 0, last: int | None = None
    ) -> tuple[BinaryIO, int]:
        """As ``ContentStorage.reader``; nothing is kept here of what is read."""
        part = {} if last is None else {"Range": f"bytes={first}-{last}"}
        with _told(name):
            answer = self._client.get_object(**self._object(name), **part)
        return answer["Body"], answer["ContentLength"]

    def signed_url(self, name: str, *, seconds: int, **headers: str) -> str:
        """Return an address that anybody may read this object at, for a while.

        Args:
            headers: what S3 answers with, such as ``ResponseContentType``.
        """
        return self._signer.generate_presigned_url(
            "get_object", Params={**self._object(name), **headers}, ExpiresIn=seconds
        )

    def problem(self) -> str:
        """Say what keeps us from the bucket, if anything does."""
        try:
            self._client.head_bucket(Bucket=self.bucket_name)
        except (Boto3Error, BotoCoreError, ClientError) as error:
            return str(error)
        return ""

    @property
    def connection(self) -> Any:
        # Each thread has a connection of its own; making one is for one at a time.
        with _making:
            return super().connection

    @cached_property
    def _session(self) -> boto3.Session:
        return super()._create_session()

    def _create_session(self) -> boto3.Session:
        # Shared: what it knows of Amazon weighs 18 MB (boto3 1.44), for each thread
        # of a web process otherwise.
        return self._session

    @property
    def _client(self) -> Any:
        return self.connection.meta.client

    @cached_property
    def _signer(self) -> Any:
        """A client that signs for the address that browsers use; it sends nothing."""
        if not self.public_url:
            return self._client
        with _making:
            return self._session.client(
                "s3",
                region_name=self.region_name,
                endpoint_url=self.public_url,
                config=self.client_config,
            )

    def _object(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket_name, "Key": self._normalize_name(name)}

    def _modified(self, name: str) -> datetime | None:
        try:
            return self.get_modified_time(name)
        except FileNotFoundError:
            return None

    def _touch(self, name: str, modified: datetime) -> None:
        """Make an object young again: no cleaning up of what is old may take it now."""
        if timezone.now() - modified < _FRESH:
            return
        there = self._object(name)
        self._client.copy_object(
            **there,
            CopySource=there,
            MetadataDirective="REPLACE",  # else S3 refuses to copy onto itself
            ContentType=self._get_write_parameters(name)["ContentType"],
        )


@contextmanager
def _told(name: str) -> Iterator[None]:
    with _patience.asking(), _in_our_words(name):
        yield


@contextmanager
def _in_our_words(name: str) -> Iterator[None]:
    missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    try:
        yield
    except FileNotFoundError as error:
        raise missing from error
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchBucket":
            raise StorageDown(str(error)) from error
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
            raise missing from error
        raise StorageDown(str(error)) from error
    except (ConnectTimeoutError, ReadTimeoutError) as error:
        raise _Silent(str(error)) from error
    except (Boto3Error, BotoCoreError) as error:
        raise StorageDown(str(error)) from error
