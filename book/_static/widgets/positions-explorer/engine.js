// Rotary positions and their scalings in double precision: llmguide.transformer.positions and rope_scaling, which the
// tests compare it with. Nothing here knows of the page.
"use strict";
const PositionsEngine = (() => {
  const clamp = (value) => Math.min(1, Math.max(0, value));

  // The angle by which each pair of coordinates turns from one position to the next.
  const rotaryFrequencies = (dHead, base) => Array.from({ length: dHead / 2 }, (_, pair) => 1 / base ** (2 * pair / dHead));

  const SCALINGS = {
    none: (unscaled) => unscaled,
    linear: (unscaled, { factor }) => unscaled.map((frequency) => frequency / factor),
    ntk: (unscaled, { dHead, base, factor }) => rotaryFrequencies(dHead, base * factor ** (dHead / (dHead - 2))),
    yarn: (unscaled, { dHead, base, factor, originalLength, betaFast = 32, betaSlow = 1 }) => {
      const pairThatTurns = (times) => dHead * Math.log(originalLength / (times * 2 * Math.PI)) / (2 * Math.log(base));
      const low = Math.max(Math.floor(pairThatTurns(betaFast)), 0);
      const high = Math.min(Math.ceil(pairThatTurns(betaSlow)), dHead - 1);
      return unscaled.map((frequency, pair) => {
        const kept = 1 - clamp((pair - low) / (high - low || 0.001));
        return frequency / factor * (1 - kept) + frequency * kept;
      });
    },
    llama3: (unscaled, { factor, originalLength, low = 1, high = 4 }) => unscaled.map((frequency) => {
      const kept = clamp((originalLength * frequency / (2 * Math.PI) - low) / (high - low));
      return (1 - kept) * frequency / factor + kept * frequency;
    }),
  };
  const frequencies = (settings) => SCALINGS[settings.scaling](rotaryFrequencies(settings.dHead, settings.base), settings);

  // YaRN lengthens queries and keys a little.
  const magnitude = ({ scaling, factor }) => scaling === "yarn" ? 0.1 * Math.log(factor) + 1 : 1;

  // Coordinate i turns with coordinate i + d/2.
  const rotate = (vector, position, angles, length = 1) => {
    const half = angles.length, turned = new Array(2 * half);
    angles.forEach((angle, pair) => {
      const cos = Math.cos(position * angle) * length, sin = Math.sin(position * angle) * length;
      turned[pair] = vector[pair] * cos - vector[pair + half] * sin;
      turned[pair + half] = vector[pair + half] * cos + vector[pair] * sin;
    });
    return turned;
  };

  // A query and a key that match best at a distance, with a score of 1, under the frequencies without scaling.
  const headThatLooksBack = ({ dHead, base, lookBack }) => {
    const query = new Array(dHead).fill(dHead ** -0.25);
    return { query, key: rotate(query, lookBack, rotaryFrequencies(dHead, base)) };
  };

  // The score of a query and a key at their positions, through the turned vectors.
  const score = ({ query, key }, queryPosition, keyPosition, angles, length = 1) => {
    const one = rotate(query, queryPosition, angles, length), other = rotate(key, keyPosition, angles, length);
    return one.reduce((sum, value, i) => sum + value * other[i], 0) / Math.sqrt(query.length);
  };

  // The same for every distance up to a limit, through the distance alone: a c + b s for each pair.
  const scoresByDistance = ({ query, key }, limit, angles, length = 1) => {
    const half = angles.length;
    const along = angles.map((_, i) => query[i] * key[i] + query[i + half] * key[i + half]);
    const across = angles.map((_, i) => query[i] * key[i + half] - query[i + half] * key[i]);
    return Array.from({ length: limit + 1 }, (_, distance) => {
      let sum = 0;
      for (let i = 0; i < half; i++) sum += along[i] * Math.cos(distance * angles[i]) + across[i] * Math.sin(distance * angles[i]);
      return sum * length * length / Math.sqrt(query.length);
    });
  };

  const bestOf = (scores) => scores.reduce((best, value, place) => value > scores[best] ? place : best, 0);

  return { bestOf, frequencies, headThatLooksBack, magnitude, rotaryFrequencies, rotate, score, scoresByDistance };
})();
