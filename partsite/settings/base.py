"""What is true in every environment; dev, prod and test add only what differs."""

from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from whitenoise.compress import Compressor

from partsite.env import (
    WEB_THREADS,
    env_base_path,
    env_bool,
    env_bucket,
    env_choice,
    env_int,
    env_list,
    env_origin,
    env_secret,
    env_socket,
    env_static_url,
    env_str,
    load_env_file,
)
from partsite.language import ENGLISH, languages
from partsite.logs import FORMATTERS, TEXT_FORMAT

BASE_DIR = Path(__file__).resolve().parents[2]
load_env_file(str(BASE_DIR / ".env"))
DATA_DIR = Path(env_str("DATA_DIR", str(BASE_DIR))).resolve()

# What every address begins with, for a site that shares its host: "" or "/parts".
# A proxy in front may take it off or leave it (partsite/basepath.py).
BASE_PATH = env_base_path("BASE_PATH")
FORCE_SCRIPT_NAME = BASE_PATH or None
# Where both kinds of proxy would send the same path for two pages.
_TAKEN = (
    "account admin api boards completed health media metrics production review search "
    "static words.js"
)
if BASE_PATH and (_first := BASE_PATH.split("/")[1]) in _TAKEN.split():
    raise ImproperlyConfigured(
        f"BASE_PATH is {BASE_PATH!r}, but /{_first} is the site's own; choose another, "
        "such as /parts-system."
    )
# A folder with index.html: a front end of one's own, served at the root.
FRONTEND_DIR = (
    Path(_folder).absolute() if (_folder := env_str("FRONTEND_DIR", "")) else None
)

DEBUG = False
INSTALLED_APPS = [
    "accounts",
    "parts",
    "backups",
    "doctor",
    "partsite.apps.AdminConfig",  # django.contrib.admin, with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",  # our form renderer finds Django's own widgets through it
    "corsheaders",
    "csp",
    "django_filters",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "partsite.apps.SiteConfig",  # last: all is loaded then
]
MIDDLEWARE = [
    "partsite.requestlog.RequestLog",
    "csp.middleware.CSPMiddleware",  # so far out that no error comes without it
    "partsite.transport.NoPlainApi",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.common.CommonMiddleware",
    # What stands above is for every answer, what stands below for people's.
    "partsite.surroundings.EndOfBare",
    "parts.api.by_key.StraightToView",
    "accounts.middleware.SessionMiddleware",
    "partsite.language.LocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.AuthenticationMiddleware",
    "accounts.middleware.LoginRequiredMiddleware",
    "accounts.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "partsite.outage.OutageMiddleware",
]
# Addresses or networks (CIDR) that may read the figures for Prometheus.
METRICS_ALLOW = env_list("METRICS_ALLOW", [])
if METRICS_ALLOW:
    # Around all, and before what answers by itself, to see that too.
    _inner = MIDDLEWARE.index("partsite.surroundings.EndOfBare")
    MIDDLEWARE.insert(_inner, "parts.watch.counting.Requests")
    MIDDLEWARE.insert(1, "parts.watch.counting.AllRequests")
ROOT_URLCONF = "partsite.urls"
WSGI_APPLICATION = "partsite.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
FORM_RENDERER = "partsite.forms.FieldRenderer"

# --- Data ---------------------------------------------------------------------


def database(url: str) -> dict:
    """Return Django's settings of the database at ``url``."""
    config = dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True)
    if config["ENGINE"].endswith("sqlite3"):
        config["ENGINE"] = "partsite.sqlite"
        # With Django's defaults four writers get "database is locked" at once
        # (measured); WAL lets readers go on while one writes.
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
            # What it may have to take back; a file of its own for each new part took
            # a tenth of its time (measured).
            "PRAGMA temp_store=MEMORY; "
            # In pages; partsite.sqlite.checkpoints has the log begin anew before that.
            "PRAGMA wal_autocheckpoint=8000;",
        }
    elif config["ENGINE"].endswith("postgresql"):
        # Of a machine that is gone nothing is heard; of what stands in the address
        # each wins over these.
        config["OPTIONS"] = {
            "connect_timeout": 5,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 60_000,
            **config.get("OPTIONS", {}),
        }
    return config


# Connections of each web process, shared by its threads (partsite/pool.py).
DATABASE_POOL = env_int("DATABASE_POOL", env_int("WEB_THREADS", WEB_THREADS), least=0)
# Of what was read, in each process, until somebody writes (partsite/seen.py).
REMEMBERED_BYTES = env_int("REMEMBERED_KB", 8000, least=0) * 1000
SQLITE_URL = f"sqlite:///{DATA_DIR / 'db.sqlite3'}"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Beside the database the one place for state shared by processes: Redis when
# there is one, else a table whose counters are exact across processes.
REDIS_URL = env_str("REDIS_URL", "")
# A machine that is gone refuses no connection: it says nothing at all.
REDIS_PATIENCE = {"socket_connect_timeout": 2, "socket_timeout": 3}
CACHES = {
    "default": {
        "BACKEND": "partsite.ratelimit.RedisCounterCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": REDIS_PATIENCE,
    }
    if REDIS_URL
    else {
        "BACKEND": "partsite.ratelimit.CounterCache",
        "LOCATION": "cache",
    },
}
# Uploads, and what is made of them: in a bucket, else in a folder of this machine.
FILES = env_bucket("FILES")
FILE_DELIVERY = env_choice("FILE_DELIVERY", "stream", "redirect", "accel")
if (FILES and FILE_DELIVERY == "accel") or (not FILES and FILE_DELIVERY == "redirect"):
    raise ImproperlyConfigured(
        "FILE_DELIVERY=redirect is for files in a bucket, FILE_DELIVERY=accel for "
        "files that lie here, behind nginx; stream is for both."
    )
LOCAL_FILES = {"BACKEND": "partsite.storage.ContentStorage"}
BUCKET_FILES = FILES and {
    "BACKEND": "partsite.objectstore.ObjectStorage",
    "OPTIONS": {
        "bucket_name": FILES[0],
        "location": FILES[1],
        "endpoint_url": env_str("S3_ENDPOINT_URL", None),
        "public_url": env_str("S3_PUBLIC_URL", None),
        "region_name": env_str("S3_REGION", None),
        # Without them boto3 looks where Amazon's machines have theirs.
        "access_key": env_str("AWS_ACCESS_KEY_ID", None),
        "secret_key": env_str("AWS_SECRET_ACCESS_KEY", None),
    },
}
MEDIA_ROOT = DATA_DIR / "media"
MEDIA_URL = "media/"  # never routed: files are served by views that ask who you are
# Whole, since Django completes a relative one with the path of the moment.
# A CDN asks the site for what it has not, at the path below, which stays.
STATIC_URL = env_static_url("STATIC_URL", f"{BASE_PATH}/static/")
WHITENOISE_STATIC_PREFIX = "/static/"
# Source maps too: packing them is half of collectstatic's work, and nobody but the
# tools of a developer's browser ever asks for one.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
STATIC_ROOT = Path(env_str("STATIC_ROOT", str(BASE_DIR / "build" / "collected")))
STATICFILES_DIRS = [BASE_DIR / "static", BASE_DIR / "build" / "static"]
STORAGES = {
    "default": BUCKET_FILES or LOCAL_FILES,
    "staticfiles": {"BACKEND": "partsite.storage.HashedStaticStorage"},
}
FIXTURE_DIRS = [BASE_DIR / "fixtures"]
FILE_UPLOAD_HANDLERS = [
    "parts.uploads.SizeLimitHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "parts.uploads.RoomHandler",
]
UPLOAD_LIMIT_BYTES = env_int("UPLOAD_LIMIT_MB", 100) * 1024 * 1024
# The virus scanner that looks at each file before it is kept; without it nobody does.
CLAMD = env_socket("CLAMD")
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000  # everything of a request but its files

# --- People -------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "parts:home"
LOGOUT_REDIRECT_URL = "accounts:login"
CSRF_FAILURE_VIEW = "accounts.views.door.csrf_failure"
# Whether whoever sits at this machine may make the first lead without a link.
FIRST_LEAD_HERE = False
# Who must have a second factor beside the password: "", "leads" or "everyone".
SECOND_FACTOR = env_choice("SECOND_FACTOR", "", "leads", "everyone")
_OWN_WORDS = {"user_attributes": ["username", "name", "email"]}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in {
        "UserAttributeSimilarityValidator": _OWN_WORDS,
        "MinimumLengthValidator": {},
        "CommonPasswordValidator": {},
        "NumericPasswordValidator": {},
    }.items()
]
AUTH_PASSWORD_VALIDATORS.append({"NAME": "accounts.passwords.NotObviousHere"})
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30  # a tablet in the shop stays signed in
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "accounts.sessions"
# Of two cookies of one name Django takes the one of the shorter path, so under a
# path the names differ from those of a Django site at the host's root.
_of_path = BASE_PATH.replace("/", ".")
SESSION_COOKIE_NAME = f"sessionid{_of_path}"
CSRF_COOKIE_NAME = f"csrftoken{_of_path}"
MESSAGE_COOKIE_NAME = f"messages{_of_path}"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = BASE_PATH or "/"
MESSAGE_STORAGE = "partsite.cookies.MessageStorage"
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", [])
_origins = env_list("CORS_ALLOWED_ORIGINS", [])
# Keys are sent by hand and cookies never, so even every origin is no danger.
CORS_ALLOW_ALL_ORIGINS = _origins == ["*"]
CORS_ALLOWED_ORIGINS = [] if CORS_ALLOW_ALL_ORIGINS else _origins
CORS_URLS_REGEX = r"^/(api/|health).*$"
CORS_ALLOW_HEADERS = [
    "accept",
    "cache-control",
    "content-type",
    "if-none-match",
    "pragma",
    "x-api-key",
    "x-requested-with",
]
CORS_EXPOSE_HEADERS = [
    "content-disposition",
    "etag",
    "location",
    "retry-after",
    "x-request-id",
]
X_FRAME_OPTIONS = "DENY"
# Nothing in a page itself is run or painted, so words of people never are either.
_ours = ["'self'", *([STATIC_URL] if "//" in STATIC_URL else [])]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": _ours,
        "img-src": [*_ours, "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
# Addresses or networks (CIDR) of proxies whose X-Forwarded-For is believed.
TRUSTED_PROXIES = env_list("TRUSTED_PROXIES", [])

LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGES = languages(LOCALE_PATHS[0])
LANGUAGE_CODE = env_str("LANGUAGE", ENGLISH)
if LANGUAGE_CODE not in dict(LANGUAGES):
    raise ImproperlyConfigured(
        f"LANGUAGE is {LANGUAGE_CODE!r}; there are {', '.join(dict(LANGUAGES))}."
    )
TIME_ZONE = env_str("TIME_ZONE", "UTC")
USE_TZ = True

# --- API ----------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # The key first: an existing client sends no CSRF token with it.
        "accounts.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["parts.api.permissions.MayRead"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "parts.api.wire.Pages",
    ],
    "DEFAULT_PARSER_CLASSES": ["parts.api.wire.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "parts.api.wire.LenientNegotiation",
    "DEFAULT_SCHEMA_CLASS": "parts.api.schema.Described",
    "DEFAULT_THROTTLE_CLASSES": ["parts.api.throttling.PerMinute"],
    "EXCEPTION_HANDLER": "parts.api.exceptions.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Parts",
    "DESCRIPTION": "Parts of a shop: hand in, review, claim, make, finish.\n\n"
    "A key goes into the header `X-API-Key`, else into `?api_key=` (a site may refuse "
    "that, with 401), else into `api_key` of a JSON body. Addresses work with a slash "
    "at the end and without. Unknown fields are ignored, wrong ones are all told at "
    "once. A method that an address has not is 405, a fault of the server 500, and 503 "
    "says that what it stands on is away, for as long as `Retry-After` has it; all in "
    "the shape of every other refusal.",
    "VERSION": "1",
    # What the paths of the document are relative to.
    "SERVERS": [{"url": BASE_PATH}] if BASE_PATH else [],
    "SERVE_INCLUDE_SCHEMA": False,
    "OAS_VERSION": "3.1.1",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["parts.api.schema.leave_out_second_forms"],
    # Without the hook that names enums: each stands where it is used.
    "POSTPROCESSING_HOOKS": ["parts.api.schema.finish"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
# Existing clients send their key so, though addresses are kept in many places.
API_KEY_IN_ADDRESS = env_bool("API_KEY_IN_ADDRESS", True)
# For each key, and for each person with a session; 0 is no limit.
API_READS_PER_MINUTE = env_int("API_READS_PER_MINUTE", 600, least=0)
API_WRITES_PER_MINUTE = env_int("API_WRITES_PER_MINUTE", 120, least=0)
API_UPLOADS_PER_MINUTE = env_int("API_UPLOADS_PER_MINUTE", 30, least=0)
API_MODEL_WAIT_SECONDS = env_int("MODEL_WAIT_SECONDS", 20)
# Requests of one web process that may wait for a model at the same time.
API_MODEL_WAITERS = max(1, env_int("WEB_THREADS", WEB_THREADS) // 2)

# --- Background work ----------------------------------------------------------

CONVERSION_TIMEOUT_SECONDS = env_int("CONVERSION_TIMEOUT_SECONDS", 120)
CONVERSION_ATTEMPTS = 3
CONVERSION_STALE_SECONDS = 20  # a heartbeat older than this means a dead worker
Q_CLUSTER = {
    "name": "partsite",
    "workers": env_int("WORKERS", 1),
    # A task outlives the child's own limit by what reading and storing cost.
    "timeout": CONVERSION_TIMEOUT_SECONDS + 60,
    # Must exceed the timeout; a dead worker's file is found by its heartbeat
    # long before the broker would hand the task out again.
    "retry": CONVERSION_TIMEOUT_SECONDS + 120,
    "max_attempts": 2,
    # Half of it is what a file waits for on average; each look costs 1 ms.
    "poll": 0.1,
    "recycle": 200,
    "save_limit": 200,
    "catch_up": False,
    "label": "Background work",
    "broker_class": "partsite.queue.Broker",
    "redis": REDIS_URL or None,
    **({} if REDIS_URL else {"orm": "default"}),
}

# --- Backups ------------------------------------------------------------------

# Where one is made each night. Without it none is, and those that are made before
# an upgrade lie in DATA_DIR/backups.
BACKUP_DIR = Path(_dir).absolute() if (_dir := env_str("BACKUP_DIR", "")) else None
BACKUP_KEEP_DAYS = env_int("BACKUP_KEEP_DAYS", 7, least=1)
BACKUP_KEEP_WEEKS = env_int("BACKUP_KEEP_WEEKS", 4, least=0)
BACKUP_KEEP_MONTHS = env_int("BACKUP_KEEP_MONTHS", 12, least=0)

# --- Onshape ------------------------------------------------------------------

ONSHAPE_URL = env_origin("ONSHAPE_URL", "https://cad.onshape.com")
ONSHAPE_ACCESS_KEY = env_secret("ONSHAPE_ACCESS_KEY")
ONSHAPE_SECRET_KEY = env_secret("ONSHAPE_SECRET_KEY")
if bool(ONSHAPE_ACCESS_KEY) != bool(ONSHAPE_SECRET_KEY):
    raise ImproperlyConfigured(
        "Set ONSHAPE_ACCESS_KEY and ONSHAPE_SECRET_KEY both, or neither."
    )
ONSHAPE_TIMEOUT_SECONDS = 90  # for one drawing, with all waiting and trying again

# --- Logs ---------------------------------------------------------------------

LOG_LEVEL = env_str("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
    raise ImproperlyConfigured(
        f"LOG_LEVEL is {LOG_LEVEL!r}; use DEBUG, INFO, WARNING, ERROR or CRITICAL."
    )
LOG_FORMAT = env_str("LOG_FORMAT", "text").lower()
if LOG_FORMAT not in FORMATTERS:
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}; use text or json.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": FORMATTERS[LOG_FORMAT], "fmt": TEXT_FORMAT, "style": "{"}
    },
    "filters": {
        "in_one_line": {"()": "partsite.logs.WithoutTraceback"},
        "outage": {"()": "partsite.outage.InOneLine"},
        "with_reason": {"()": "partsite.logs.ReasonForTraceback"},
        "of_request": {"()": "partsite.requestlog.OfRequest"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["of_request"],
        }
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django.server": {"propagate": True, "handlers": []},
        "django.request": {"filters": ["outage"]},
        "django.security.DisallowedHost": {"filters": ["in_one_line"]},
        "health_check": {"filters": ["with_reason"]},
        # Its start-up chatter would bury the address and the sign-in lines.
        "django-q": {
            "level": "WARNING",
            "handlers": ["console"],
            "filters": ["outage"],
            "propagate": False,
        },
    },
}

# Statements that take as long or longer stand in the log; 0 is none.
SLOW_QUERY_MS = env_int("SLOW_QUERY_MS", 0, least=0)
# Where faults are told, beside the log.
SENTRY_DSN = env_str("SENTRY_DSN", "")

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
