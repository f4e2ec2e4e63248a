// How a token of bytes is shown: for the eye with signs for what cannot be seen, and in words for the ear.
"use strict";
const TokenText = (() => {
  const { make } = ExplorerKit;
  const SIGNS = { " ": "␣", "\n": "↵", "\t": "⇥" }, WORDS = { " ": "space", "\n": "line break", "\t": "tab" };
  const hex = (number, digits) => number.toString(16).toUpperCase().padStart(digits, "0");

  // A character that can be seen stands for itself; others have a sign or their number.
  const glyph = (character, isFirst) => {
    if (SIGNS[character]) return SIGNS[character];
    if (/[\p{C}\p{Z}]/u.test(character)) return make("span", "token-byte", `U+${hex(character.codePointAt(0), 4)}`);
    return isFirst && /\p{M}/u.test(character) ? `◌${character}` : character;
  };

  // Parts are characters, or the numbers of bytes that are no character alone.
  const say = (parts) => parts.map((part) => {
    if (typeof part === "number") return ` byte ${hex(part, 2)} `;
    if (WORDS[part]) return ` ${WORDS[part]} `;
    return /[\p{C}\p{Z}]/u.test(part) ? ` U+${hex(part.codePointAt(0), 4)} ` : part;
  }).join("").replace(/ +/g, " ").trim();

  const show = (parts) => {
    const seen = make("bdi", "", ...parts.map((part, i) => typeof part === "number" ? make("span", "token-byte", hex(part, 2)) : glyph(part, i === 0)));
    seen.setAttribute("aria-hidden", "true");
    return [seen, make("span", "unseen", say(parts))];
  };

  // The characters that the bytes of a token spell, and as numbers the bytes that are a part of one only.
  const partsOf = (id, vocabulary) => {
    const token = vocabulary.tokens[id];
    if (id === vocabulary.specialId) return Array.from(token);
    const bytes = Array.from(token, (c) => c.charCodeAt(0)), parts = [];
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    for (let i = 0; i < bytes.length;) {
      const length = bytes[i] < 0x80 ? 1 : bytes[i] < 0xc0 ? 0 : bytes[i] < 0xe0 ? 2 : bytes[i] < 0xf0 ? 3 : 4;
      let character = bytes[i];
      try {
        if (length && i + length <= bytes.length) character = decoder.decode(Uint8Array.from(bytes.slice(i, i + length)));
      } catch { /* not a character: the byte stays a number */ }
      parts.push(character);
      i += typeof character === "number" ? 1 : length;
    }
    return parts;
  };

  return { glyph, hex, partsOf, say, show };
})();
