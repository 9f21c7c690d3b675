"""What tests do beside the connection that they have."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

_PATIENCE_SECONDS = 20


def in_another_connection(do: Callable[[], object]) -> None:
    def and_close() -> None:
        try:
            do()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(and_close).result(timeout=_PATIENCE_SECONDS)
