// How many parts an SMS is sent in (3GPP TS 23.038 §6.2.1, TS 23.040 §9.2.3.24.1), as the server counts it
// (hotline/conversations/segments.py; a test holds both against the same texts).

const BASIC = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
const EXTENSION = new Set("\f^{}\\[~]|€");
const ROOM = { gsm7: [160, 153], ucs2: [70, 67] };

/** {encoding, count, units, left, letters}: `left` units fit into the last part still, `letters` made it UCS-2. */
export function segments(text) {
  const letters = [...text];
  const others = [...new Set(letters.filter((letter) => !BASIC.has(letter) && !EXTENSION.has(letter)))];
  const encoding = others.length ? "ucs2" : "gsm7";
  const sizes = letters.map((letter) => (encoding === "ucs2" ? letter.length : EXTENSION.has(letter) ? 2 : 1));
  const [alone, several] = ROOM[encoding];
  const units = sizes.reduce((sum, size) => sum + size, 0);
  const told = others.slice(0, 10).join("");
  if (units <= alone) return { encoding, count: 1, units, left: alone - units, letters: told };
  let count = 1;
  let used = 0;
  for (const size of sizes) {
    // No letter is cut in halves.
    if (used + size > several) {
      count += 1;
      used = 0;
    }
    used += size;
  }
  return { encoding, count, units, left: several - used, letters: told };
}
