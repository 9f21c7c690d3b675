// Tells the site by a cookie in which time zone this device is.

const YEAR_SECONDS = 365 * 24 * 60 * 60;

/** Keep the cookie `zone` true; `data-cookie-path` on the body is its path. */
export function tellTimeZone(root) {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const cookie = `zone=${timeZone}`;
  if (!timeZone || root.cookie.split("; ").includes(cookie)) return;
  const path = root.body.dataset.cookiePath;
  const secure = root.location.protocol === "https:" ? "; secure" : "";
  root.cookie = `${cookie}; path=${path}; max-age=${YEAR_SECONDS}; samesite=lax${secure}`;
}
