"""A shop's server: nothing secret or local has a default."""

import re

from partsite.env import env_bool, env_int, env_list, env_str

from .base import *  # noqa: F403 - a settings module is its base and what differs
from .base import BASE_PATH, CSRF_COOKIE_NAME, SESSION_COOKIE_NAME, database

SECRET_KEY = env_str("SECRET_KEY")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS")
DATABASES = {"default": database(env_str("DATABASE_URL"))}

SECURE_SSL_REDIRECT = env_bool("SSL_REDIRECT", True)
# Asked from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [rf"^{re.escape(f'{BASE_PATH}/health'[1:])}(/|/ready)?$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env_int("HSTS_SECONDS", 60 * 60 * 24 * 365)
# Who shares a host must not decide for its other names.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not BASE_PATH
if BASE_PATH:
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# Browsers take a cookie of such a name over TLS alone, and from no neighbouring host.
_only_ours = "__Secure-" if BASE_PATH else "__Host-"
SESSION_COOKIE_NAME = f"{_only_ours}{SESSION_COOKIE_NAME}"
CSRF_COOKIE_NAME = f"{_only_ours}{CSRF_COOKIE_NAME}"
