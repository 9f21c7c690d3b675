"""Real servers on this machine, for tests, benchmarks and ``make services``.

Each listens on loopback only, keeps what it writes in a folder of its own, and is
stopped by the number of its process. Nothing of it is part of the site.
"""

from .clamd import Clamd
from .nginx import Nginx
from .postgres import Postgres
from .redis import Redis
from .s3 import S3
from .server import Server, ServiceError

__all__ = ["S3", "Clamd", "Nginx", "Postgres", "Redis", "Server", "ServiceError"]
