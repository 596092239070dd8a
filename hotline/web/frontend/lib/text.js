// Text from outside (a caller's name, a record somebody else typed) as it may be shown: never longer than asked,
// never with characters that hide or reorder what follows. It is always put on the page as text, never as markup.

// C0 and C1 controls, zero-width and direction characters, line separators, tags, lone surrogates.
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

/** One line of plain text, at most `longest` letters. */
export function plain(value, longest = 120) {
  if (value === null || value === undefined) return "";
  // Ten times the length is enough to fill the line, and 10 kB names are cut before they are searched.
  const text = String(value).slice(0, longest * 10).replace(HIDDEN, " ").replace(/\s+/gu, " ").trim();
  const letters = Array.from(text);
  return letters.length > longest ? `${letters.slice(0, longest - 1).join("").trimEnd()}…` : text;
}

/** The caller's own name when it looks like a name; "" for anything that does not. */
export function safeName(value) {
  const name = plain(value, 80);
  return /^\p{L}[\p{L}\p{M}\p{N} .,'’·-]{0,79}$/u.test(name) ? name : "";
}

/** Seconds as 0:07, 12:40 or 1:02:09. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}
