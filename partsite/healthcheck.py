"""Ask the web server of this container for its health; the exit status is the answer.

Standard library only: it is run every few seconds.
"""

import os
import sys
import urllib.error
import urllib.request


def main() -> int:
    """Ask under a name that the site answers to."""
    host = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().removeprefix(".")
    base = os.environ.get("BASE_PATH", "").strip().strip("/")
    port = os.environ.get("PORT", "").strip() or "8000"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{f'/{base}' if base else ''}/health",
        headers={"Host": host if host.strip("*") else "localhost"},
    )
    # Whatever proxy the environment names is not for this.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=8) as answer:
            return 0 if answer.status == 200 else 1
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
