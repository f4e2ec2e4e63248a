// From logits to the next token: what llmguide.decoding.sampling does, in the same order and in float32 as there.
"use strict";
const SamplingEngine = (() => {
  const largest = (logits) => {
    let best = -Infinity;
    for (let id = 0; id < logits.length; id++) if (logits[id] > best) best = logits[id];
    return best;
  };
  const keepFrom = (logits, least) => {
    const kept = logits.slice();
    for (let id = 0; id < kept.length; id++) if (kept[id] < least) kept[id] = -Infinity;
    return kept;
  };
  const descending = (logits) => logits.slice().sort().reverse();

  const softmax = (logits) => {
    const most = largest(logits), shares = new Float64Array(logits.length);
    let sum = 0;
    for (let id = 0; id < shares.length; id++) sum += shares[id] = Math.exp(logits[id] - most);
    for (let id = 0; id < shares.length; id++) shares[id] /= sum;
    return shares;
  };

  // The first of the most likely tokens.
  const greedy = (logits) => logits.indexOf(largest(logits));

  const certain = (logits) => {
    const one = new Float32Array(logits.length).fill(-Infinity);
    one[greedy(logits)] = 0;
    return one;
  };

  const withTemperature = (logits, temperature) => logits.map((logit) => logit / Math.fround(temperature));

  // The k most likely tokens, and all that are as likely as the last of them.
  const keepTopK = (logits, k) => keepFrom(logits, descending(logits)[Math.min(k, logits.length) - 1]);

  // The nucleus: the fewest tokens that together have a probability of at least p, and all as likely as its last.
  const keepTopP = (logits, p) => {
    if (p === 1) return logits;
    const sorted = descending(logits), shares = softmax(sorted);
    let size = 0;
    for (let likelier = 0; size < shares.length && likelier < p; size++) likelier += shares[size];
    return keepFrom(logits, sorted[size - 1]);
  };

  // The tokens at least p times as likely as the most likely one: a quotient of probabilities is a difference of logits.
  const keepMinP = (logits, p) => keepFrom(logits, Math.fround(largest(logits) + Math.fround(Math.log(p))));

  // The distribution as the model gives it and after each rule. A rule that is null changes nothing. At temperature 0
  // the most likely token is certain.
  const stages = (logits, { temperature, topK, topP, minP }) => {
    const rules = [
      (before) => temperature === 0 ? certain(before) : withTemperature(before, temperature),
      (before) => topK === null ? before : keepTopK(before, topK),
      (before) => topP === null ? before : keepTopP(before, topP),
      (before) => minP === null ? before : keepMinP(before, minP),
    ];
    const stage = (now) => {
      let kept = 0;
      for (let id = 0; id < now.length; id++) if (now[id] > -Infinity) kept++;
      return { logits: now, probabilities: softmax(now), kept };
    };
    const all = [stage(logits)];
    for (const rule of rules) {
      const before = all[all.length - 1], now = rule(before.logits);
      all.push(now === before.logits ? before : stage(now));
    }
    return all;
  };

  // The ids that are possible, from the most likely to the least; of two that are equal, the smaller comes first.
  const ranked = (probabilities) => {
    const ids = Array.from({ length: probabilities.length }, (_, id) => id).filter((id) => probabilities[id] > 0);
    return ids.sort((one, other) => probabilities[other] - probabilities[one] || one - other);
  };

  // A number from 0 to below 1 for a seed and a place in the text, and the same one every time: so a reader can change
  // a rule and see what the same throw does. The mixing of the bits is that of splitmix32.
  const mix = (bits) => {
    let mixed = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const uniform = (seed, place) => mix(mix(seed + 0x9e3779b9) + Math.imul(place + 1, 0x9e3779b9)) / 2 ** 32;

  // Lays the tokens end to end, the most likely first, and takes the one on which the number falls.
  const pick = (probabilities, number) => {
    const left = ranked(probabilities);
    let end = 0;
    // The sums are rounded, and may fall short of 1: then it is the last.
    return left.find((id) => number < (end += probabilities[id])) ?? left[left.length - 1];
  };

  return { greedy, keepMinP, keepTopK, keepTopP, pick, ranked, softmax, stages, uniform, withTemperature };
})();
