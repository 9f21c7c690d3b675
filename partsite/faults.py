"""Faults told to Sentry, or to what speaks as it does: ``SENTRY_DSN``."""

from typing import Any

from django.conf import settings

from . import requestlog
from .logs import without_secrets


def register() -> None:
    """Report what is logged as an error from now on, if there is somewhere to."""
    if not settings.SENTRY_DSN:
        return
    # A tenth of a start, which only those pay who want it.
    import sentry_sdk
    from sentry_sdk.integrations.django import DjangoIntegration

    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        integrations=[DjangoIntegration(signals_spans=False)],
        auto_enabling_integrations=False,
        send_default_pii=False,
        # What stands in a variable or a body may be a key or a password.
        include_local_variables=False,
        max_request_body_size="never",
        before_send=_scrubbed,
    )


def _scrubbed(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """Leave of the request what the log tells of it, and blank out secrets."""
    request = event.get("request", {})
    event["request"] = {
        "method": request.get("method", ""),
        "url": str(request.get("url", "")).partition("?")[0],
    }
    event.pop("user", None)
    if number := requestlog.current_number():
        event.setdefault("tags", {})["request_id"] = number
    return _hidden(event)


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {name: _hidden(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(item) for item in value]
    return value
