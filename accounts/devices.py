"""Devices in words, from what their browsers say of themselves."""

import re

from django.utils.translation import gettext as _

# The first that fits: most browsers also claim to be others.
_BROWSERS = {
    r"Edg(e|A|iOS)?/": "Edge",
    r"OPR/|Opera": "Opera",
    r"SamsungBrowser/": "Samsung Internet",
    r"Firefox/|FxiOS/": "Firefox",
    r"HeadlessChrome/|Chrome/|Chromium/|CriOS/": "Chrome",
    r"Version/[\d.]+.* Safari/": "Safari",
}
_SYSTEMS = {
    r"iPhone": "iPhone",
    r"iPad": "iPad",
    r"Android": "Android",
    r"CrOS": "ChromeOS",
    r"Windows": "Windows",
    r"Macintosh|Mac OS X": "macOS",
    r"Linux|X11": "Linux",
}


def named(user_agent: str) -> str:
    """Say what somebody sits at: “Firefox on Android”."""
    browser, system = (
        next((word for mark, word in marks.items() if re.search(mark, user_agent)), "")
        for marks in (_BROWSERS, _SYSTEMS)
    )
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("An unknown browser")


def is_handheld(user_agent: str) -> bool:
    return bool(re.search("iPhone|iPad|Android|Mobile", user_agent))
