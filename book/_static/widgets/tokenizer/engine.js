// A byte-level tokenizer: the same pieces, tokens and offsets as llmguide.tokenizers, which the tests compare it with.
// Nothing here knows of the page. Characters are code points throughout, as in Python.
"use strict";
const TokenizerEngine = (() => {
  const OTHER = 0, LETTER = 1, NUMBER = 2, SPACE = 3;
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const CONTRACTIONS = ["s", "d", "m", "t", "ll", "ve", "re"];

  // Ranges of code points come as "gap length gap length …" to the base 36.
  const eachRange = (packed, use) => {
    let point = 0;
    const numbers = packed.split(" ").map((digits) => parseInt(digits, 36));
    for (let i = 0; i < numbers.length; i += 2) {
      const start = point + numbers[i];
      point = start + numbers[i + 1];
      use(start, point);
    }
  };

  // The classes of all characters, in the version of Unicode that the data were made with: browsers differ.
  const readClasses = (unicode) => {
    const kinds = new Uint8Array(0x110000), assigned = new Uint8Array(0x110000);
    for (const [kind, packed] of [[LETTER, unicode.letters], [NUMBER, unicode.numbers], [SPACE, unicode.spaces]]) {
      eachRange(packed, (start, end) => kinds.fill(kind, start, end));
    }
    eachRange(unicode.assigned, (start, end) => assigned.fill(1, start, end));
    return { kinds, assigned };
  };

  const codePoints = (text) => Array.from(text, (character) => character.codePointAt(0));

  // UTF-8 by its four forms.
  const encodeUtf8 = (text) => codePoints(text).flatMap((point) => {
    const rest = (shift) => 0x80 | ((point >> shift) & 0x3f);
    if (point < 0x80) return [point];
    if (point < 0x800) return [0xc0 | (point >> 6), rest(0)];
    if (point < 0x10000) return [0xe0 | (point >> 12), rest(6), rest(0)];
    return [0xf0 | (point >> 18), rest(12), rest(6), rest(0)];
  });

  // A lone surrogate is half a character, which UTF-8 cannot write.
  const replaceSurrogates = (text) => text.replace(/\p{Surrogate}/gu, "\ufffd");

  // Normalization of one stretch after the other: what the data's version of Unicode does not know stays as it is.
  const normalize = (text, form, { assigned }) => {
    if (form === "none") return text;
    const change = form === "lower" ? (part) => Array.from(part, (c) => c.toLowerCase()).join("") : (part) => part.normalize(form);
    let changed = "", known = "";
    for (const character of text) {
      if (assigned[character.codePointAt(0)]) known += character;
      else [changed, known] = [changed + change(known) + character, ""];
    }
    return changed + change(known);
  };

  // GPT-2's pattern: '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  // Gives the place after each piece.
  const cut = (points, { kinds }) => {
    const ends = [];
    const kind = (place) => kinds[points[place]];
    for (let start = 0; start < points.length; start = ends[ends.length - 1]) {
      const after = String.fromCodePoint(...points.slice(start + 1, start + 3));
      const contraction = points[start] === 0x27 && CONTRACTIONS.find((ending) => after.startsWith(ending));
      if (contraction) {
        ends.push(start + 1 + contraction.length);
        continue;
      }
      const first = points[start] === 0x20 && start + 1 < points.length ? start + 1 : start;
      const begin = kind(first) === SPACE ? start : first; // a space belongs to what follows it, unless that is white
      let end = begin + 1;
      while (end < points.length && kind(end) === kind(begin)) end++;
      // Of several white characters before a word the last one is left, so that the word can take it.
      const leavesOne = kind(begin) === SPACE && end < points.length && end - begin > 1;
      ends.push(leavesOne ? end - 1 : end);
    }
    return ends;
  };

  // Each digit alone, and GPT-2's pieces of what stands between digits.
  const cutDigits = (points, classes) => {
    const ends = [];
    for (let start = 0; start < points.length;) {
      let end = start + 1;
      if (classes.kinds[points[start]] !== NUMBER) {
        while (end < points.length && classes.kinds[points[end]] !== NUMBER) end++;
      }
      for (const place of cut(points.slice(start, end), classes)) ends.push(start + place);
      start = end;
    }
    return ends;
  };

  // A vocabulary: special token, 256 bytes and merges. Tokens are strings with one character for each byte.
  const readVocabulary = (data) => {
    const printable = (byte) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    const all = Array.from({ length: 256 }, (_, byte) => byte);
    const order = [...all.filter(printable), ...all.filter((byte) => !printable(byte))];
    const tokens = data.specialFirst ? [null] : [];
    const idOfByte = new Uint16Array(256), ids = new Map(), ranks = new Map(), merges = [];
    for (const byte of order) {
      idOfByte[byte] = tokens.length;
      ids.set(String.fromCharCode(byte), tokens.length);
      tokens.push(String.fromCharCode(byte));
    }
    const number = (place) => [0, 1, 2].reduce((sum, i) => sum * 64 + DIGITS.indexOf(data.merges[place + i]), 0);
    for (let place = 0; place < data.merges.length; place += 6) {
      const left = number(place), right = number(place + 3), token = tokens[left] + tokens[right];
      if (!ids.has(token)) {
        ids.set(token, tokens.length);
        tokens.push(token);
      }
      ranks.set(left * 65536 + right, merges.length);
      merges.push([left, right, ids.get(token)]);
    }
    const specialId = data.specialFirst ? 0 : tokens.length;
    tokens[specialId] = data.special;
    return { tokens, merges, ranks, idOfByte, special: data.special, specialId, cut: data.digits ? cutDigits : cut, remembered: new Map() };
  };

  // The merges of one piece in the order in which they apply, and the ids that remain.
  const mergeBytes = (bytes, { ranks, merges, idOfByte }) => {
    const ids = Array.from(bytes, (byte) => idOfByte[byte]), steps = [];
    const rankAt = (place) => ranks.get(ids[place] * 65536 + ids[place + 1]) ?? Infinity;
    const row = ids.slice(1).map((_, place) => rankAt(place));
    for (;;) {
      let place = 0;
      for (let i = 1; i < row.length; i++) if (row[i] < row[place]) place = i;
      if (!row.length || row[place] === Infinity) return { ids, steps };
      const rank = row[place];
      steps.push({ place, rank });
      ids.splice(place, 2, merges[rank][2]);
      row.splice(place, 1);
      if (place > 0) row[place - 1] = rankAt(place - 1);
      if (place < row.length) row[place] = rankAt(place);
    }
  };

  // The symbols of a piece after so many merges, each with the rank of the pair that it makes with its neighbour.
  const symbolsAfter = (bytes, steps, count, vocabulary) => {
    const ids = Array.from(bytes, (byte) => vocabulary.idOfByte[byte]);
    for (const { place, rank } of steps.slice(0, count)) ids.splice(place, 2, vocabulary.merges[rank][2]);
    return ids.map((id, place) => ({ id, rank: vocabulary.ranks.get(id * 65536 + ids[place + 1]) }));
  };

  const idsOf = (piece, vocabulary) => {
    const known = vocabulary.remembered.get(piece);
    if (known) return known;
    const { ids } = mergeBytes(encodeUtf8(piece), vocabulary);
    if (vocabulary.remembered.size > 5000) vocabulary.remembered.clear();
    vocabulary.remembered.set(piece, ids);
    return ids;
  };

  const plainPieces = (text, from, vocabulary, classes) => {
    const points = codePoints(text);
    let begin = 0;
    return vocabulary.cut(points, classes).map((end) => {
      const characters = points.slice(begin, end).map((point) => String.fromCodePoint(point));
      const piece = { text: characters.join(""), start: from + begin, end: from + end, special: false };
      const places = characters.flatMap((c, i) => Array(encodeUtf8(c).length).fill(piece.start + i));
      let byte = 0;
      piece.tokens = idsOf(piece.text, vocabulary).map((id) => {
        const length = vocabulary.tokens[id].length;
        const token = { id, start: places[byte], end: places[byte + length - 1] + 1 };
        byte += length;
        return token;
      });
      begin = end;
      return piece;
    });
  };

  // Pieces with their tokens. The special token is recognized only where the caller allows it.
  const encode = (text, vocabulary, allowSpecial, classes) => {
    const pieces = [], { special, specialId } = vocabulary;
    let place = 0;
    (allowSpecial ? text.split(special) : [text]).forEach((stretch, i) => {
      if (i) {
        const end = place + special.length;
        pieces.push({ text: special, start: place, end, special: true, tokens: [{ id: specialId, start: place, end }] });
        place = end;
      }
      pieces.push(...plainPieces(stretch, place, vocabulary, classes));
      place += codePoints(stretch).length;
    });
    return pieces;
  };

  return { codePoints, cut, cutDigits, encode, encodeUtf8, mergeBytes, normalize, readClasses, readVocabulary, replaceSurrogates, symbolsAfter };
})();
