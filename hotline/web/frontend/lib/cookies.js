// Choices that the server must know when it writes the next page: theme and time zone. Nothing secret.

/** Keeps the value for a year; "" forgets it. */
export function remember(name, value) {
  const age = value === "" ? 0 : 365 * 86400;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${age}; samesite=lax${secure}`;
}

/** Tells the server this browser's time zone, so that times are written in it. */
export function rememberZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`hl_zone=${encodeURIComponent(zone)}`)) remember("hl_zone", zone);
}
