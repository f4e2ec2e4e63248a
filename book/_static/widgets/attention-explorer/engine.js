// What was recorded of every head: bytes to the base 64, as llmguide.experiments packs them in attention_sentence and attention_vectors.
"use strict";
const AttentionEngine = (() => {
  const bytesOf = (packed) => Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));

  // Numbers of 16 bits, low byte first.
  const numbers = (bytes, unit) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.length / 2 }, (_, place) => view.getInt16(2 * place, true) / unit);
  };

  // The largest size in each vector, then its entries in steps of a part of it.
  const vectors = (packed, { unit, vectorSteps, width }) => {
    const bytes = bytesOf(packed), count = bytes.length / (2 + width);
    if (!Number.isInteger(count)) throw new RangeError(`${bytes.length} bytes for vectors of ${width} entries`);
    const sizes = numbers(bytes.subarray(0, 2 * count), unit), steps = new Int8Array(bytes.buffer, 2 * count);
    return sizes.map((size, number) => Array.from(steps.subarray(number * width, (number + 1) * width), (step) => step * size / vectorSteps));
  };

  // A query sees the keys up to its own place, so that a head of T tokens has T (T + 1) / 2 weights, and as many scores.
  const read = (data) => Object.fromEntries(Object.entries(data.texts).map(([name, { tokens, packed, vectors: kept }]) => {
    const { layers, heads, steps, unit } = data, length = tokens.length;
    const bytes = bytesOf(packed), each = length * (length + 1) / 2;
    if (bytes.length !== layers * heads * each) throw new RangeError(`${bytes.length} weights for ${length} tokens`);
    const rowOf = (all, number, query) => Array.from(all.slice(number * each + query * (query + 1) / 2, number * each + (query + 1) * (query + 2) / 2));
    const row = (layer, head, query) => rowOf(bytes, layer * heads + head, query).map((step) => step / steps);

    const queries = vectors(kept.queries_rotated, data), keys = vectors(kept.keys_rotated, data);
    const scores = numbers(bytesOf(kept.scores), unit), lengths = numbers(bytesOf(kept.value_lengths), unit);
    const shared = lengths.length / length / kept.layers.length; // heads of keys and values in a layer
    // What the weights of one query are made of, or null where it was not kept.
    const made = (layer, head, query) => {
      const place = kept.layers.indexOf(layer);
      if (place < 0) return null;
      const asks = place * heads + head, answers = (place * shared + Math.floor(head * shared / heads)) * length;
      return {
        q: queries[asks * length + query],
        k: keys.slice(answers, answers + query + 1),
        scores: rowOf(scores, asks, query),
        lengths: lengths.slice(answers, answers + query + 1),
      };
    };
    return [name, { layers: kept.layers, made, row, tokens }];
  }));

  const products = (q, k) => q.map((entry, number) => entry * k[number]);
  // The two coordinates that turn together stand half the width apart.
  const byPair = (entries) => entries.slice(0, entries.length / 2).map((entry, pair) => entry + entries[pair + entries.length / 2]);

  // Keys from the most weight to the least; of two that are equal, the earlier comes first.
  const ranked = (row) => row.map((weight, key) => ({ key, weight })).sort((one, other) => other.weight - one.weight || one.key - other.key);

  return { byPair, products, ranked, read };
})();
