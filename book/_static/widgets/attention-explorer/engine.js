// The recorded weights of every head: bytes to the base 64, as llmguide.experiments.attention_sentence packs them.
"use strict";
const AttentionEngine = (() => {
  // A query sees the keys up to its own place, so that a head of T tokens has T (T + 1) / 2 weights.
  const read = ({ layers, heads, steps, texts }) => Object.fromEntries(Object.entries(texts).map(([name, { tokens, packed }]) => {
    const bytes = atob(packed), each = tokens.length * (tokens.length + 1) / 2;
    if (bytes.length !== layers * heads * each) throw new RangeError(`${bytes.length} weights for ${tokens.length} tokens`);
    const row = (layer, head, query) => {
      const start = (layer * heads + head) * each + query * (query + 1) / 2;
      return Array.from({ length: query + 1 }, (_, key) => bytes.charCodeAt(start + key) / steps);
    };
    return [name, { tokens, row }];
  }));

  // Keys from the most weight to the least; of two that are equal, the earlier comes first.
  const ranked = (row) => row.map((weight, key) => ({ key, weight })).sort((one, other) => other.weight - one.weight || one.key - other.key);

  return { ranked, read };
})();
