// A Llama-style decoder with a KV cache: the same logits as llmguide.transformer, which the tests compare it with.
// One token goes through at a time, and what its position offers to later ones stays in the cache.
"use strict";
const WorldModelEngine = (() => {
  const here = document.currentScript.src;

  // -- Reading the weights ---------------------------------------------------------------------------------------------
  const bytesOf = (base64) => {
    const characters = atob(base64), bytes = new Uint8Array(characters.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
    return bytes;
  };

  // CRC-32, as zlib computes it.
  const checksum = (bytes) => {
    const table = Uint32Array.from({ length: 256 }, (_, byte) => {
      for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
      return byte;
    });
    let sum = 0xffffffff;
    for (let i = 0; i < bytes.length; i++) sum = table[(sum ^ bytes[i]) & 0xff] ^ (sum >>> 8);
    return (sum ^ 0xffffffff) >>> 0;
  };

  // float16: a sign, five bits of exponent, ten of fraction; exponent 0 is for numbers below 2 ** -14.
  const fromHalf = (half) => {
    const exponent = (half >> 10) & 0x1f, fraction = half & 0x3ff;
    const size = exponent === 0 ? fraction * 2 ** -24
      : exponent === 0x1f ? (fraction ? NaN : Infinity)
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
    return half & 0x8000 ? -size : size;
  };

  // The model: its numbers, its matrices by name, and the turn of each pair of coordinates at each position.
  const read = (data, base64) => {
    const bytes = bytesOf(base64);
    if (checksum(bytes) !== data.checksum) throw new RangeError("the weights are damaged: their checksum differs");
    const values = Float32Array.from({ length: 65536 }, (_, half) => fromHalf(half)); // all that there are
    const weights = new Float32Array(bytes.length / 2), { config } = data, matrices = {};
    for (let i = 0; i < weights.length; i++) weights[i] = values[bytes[2 * i] | (bytes[2 * i + 1] << 8)];
    let start = 0;
    for (const [name, size] of data.tensors) matrices[name] = weights.subarray(start, start += size);
    const half = config.dHead / 2, cos = new Float32Array(config.contextLength * half), sin = new Float32Array(cos.length);
    for (let place = 0; place < config.contextLength; place++) {
      for (let pair = 0; pair < half; pair++) {
        const angle = place * config.ropeBase ** (-pair / half);
        cos[place * half + pair] = Math.cos(angle);
        sin[place * half + pair] = Math.sin(angle);
      }
    }
    const block = (i) => (name) => matrices[`blocks.${i}.${name}`];
    const blocks = Array.from({ length: config.nLayers }, (_, i) => block(i)).map((at) => ({
      attentionNorm: at("attention_norm.scale"), qkv: at("attention.qkv.weight"), output: at("attention.output.weight"),
      feedforwardNorm: at("feedforward_norm.scale"), gateUp: at("feedforward.gate_up.weight"), down: at("feedforward.down.weight"),
    }));
    return { config, blocks, cos, sin, tokens: matrices["embedding.tokens.weight"], finalNorm: matrices["final_norm.scale"] };
  };

  // The weights are large and a script of their own: they are loaded once, for all figures of a page, when one asks.
  let loaded = null;
  const load = () => loaded ??= new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = new URL("weights.js", here);
    script.onload = () => {
      try { done(read(WORLD_MODEL, WORLD_MODEL_WEIGHTS)); } catch (error) { fail(new Error(`The model cannot be read: ${error.message}.`)); }
    };
    script.onerror = () => fail(new Error("The model is missing: the file weights.js does not lie beside the script of this figure."));
    document.head.append(script);
  });

  // -- The parts -------------------------------------------------------------------------------------------------------
  // out = matrix · x. Four rows at once: each number of x is fetched once for four products, and their sums do not wait
  // for one another.
  const multiply = (matrix, x, out) => {
    const width = x.length, fours = out.length - out.length % 4;
    for (let row = 0; row < fours; row += 4) {
      const one = row * width, two = one + width, three = two + width, four = three + width;
      let a = 0, b = 0, c = 0, d = 0;
      for (let i = 0; i < width; i++) {
        const factor = x[i];
        a += matrix[one + i] * factor;
        b += matrix[two + i] * factor;
        c += matrix[three + i] * factor;
        d += matrix[four + i] * factor;
      }
      out[row] = a;
      out[row + 1] = b;
      out[row + 2] = c;
      out[row + 3] = d;
    }
    for (let row = fours; row < out.length; row++) {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += matrix[row * width + i] * x[i];
      out[row] = sum;
    }
  };

  const normalize = (x, scale, epsilon, out) => {
    let squares = 0;
    for (let i = 0; i < x.length; i++) squares += x[i] * x[i];
    const factor = 1 / Math.sqrt(squares / x.length + epsilon);
    for (let i = 0; i < x.length; i++) out[i] = x[i] * factor * scale[i];
  };

  // Rotary positions: coordinate i of a head turns together with i + half.
  const turn = (heads, count, { config, cos, sin }, place) => {
    const half = config.dHead / 2;
    for (let head = 0; head < count; head++) {
      for (let pair = 0; pair < half; pair++) {
        const one = head * config.dHead + pair, other = one + half, c = cos[place * half + pair], s = sin[place * half + pair];
        const first = heads[one], second = heads[other];
        heads[one] = first * c - second * s;
        heads[other] = second * c + first * s;
      }
    }
  };

  // Each head weighs the positions so far by how well its query matches their keys, and mixes their values.
  // Neighbouring heads share keys and values: nHeads / nKvHeads of them ask the same ones.
  const attend = (queries, keys, values, place, { nHeads, nKvHeads, dHead }, scores, mixed, look) => {
    const width = nKvHeads * dHead;
    mixed.fill(0);
    for (let head = 0; head < nHeads; head++) {
      const asks = head * dHead, shared = Math.floor(head / (nHeads / nKvHeads)) * dHead;
      let largest = -Infinity, sum = 0;
      for (let seen = 0; seen <= place; seen++) {
        let score = 0;
        for (let i = 0, key = seen * width + shared; i < dHead; i++, key++) score += queries[asks + i] * keys[key];
        scores[seen] = score / Math.sqrt(dHead);
        if (scores[seen] > largest) largest = scores[seen];
      }
      look("scores", scores, head);
      for (let seen = 0; seen <= place; seen++) sum += scores[seen] = Math.exp(scores[seen] - largest);
      for (let seen = 0; seen <= place; seen++) scores[seen] /= sum;
      look("weights", scores, head);
      for (let seen = 0; seen <= place; seen++) {
        const weight = scores[seen];
        for (let i = 0, value = seen * width + shared; i < dHead; i++, value++) mixed[asks + i] += weight * values[value];
      }
    }
  };

  const add = (x, more) => { for (let i = 0; i < x.length; i++) x[i] += more[i]; };

  // -- A text in the model ---------------------------------------------------------------------------------------------
  // `logits(ids)` gives those of the token after `ids`. Of the text before, only what differs is computed again.
  // `look(block, name, numbers, place, head)` sees every tensor of a block on its way, by the names of
  // llmguide.transformer.trace; the numbers are to be copied, since the next position is computed in the same place.
  const open = (model, look = () => {}) => {
    const { config, blocks } = model, { dModel, dHidden, dHead, nHeads, nKvHeads, contextLength, epsilon } = config;
    const array = (size) => new Float32Array(size), width = nKvHeads * dHead;
    const cache = blocks.map(() => ({ keys: array(contextLength * width), values: array(contextLength * width) }));
    const x = array(dModel), normed = array(dModel), change = array(dModel), mixed = array(nHeads * dHead);
    const qkv = array((nHeads + 2 * nKvHeads) * dHead), gateUp = array(2 * dHidden), hidden = gateUp.subarray(0, dHidden);
    const queries = qkv.subarray(0, nHeads * dHead), scores = new Float64Array(contextLength);
    const keys = qkv.subarray(queries.length, queries.length + width), values = qkv.subarray(queries.length + width);
    let cached = [];

    const feed = (id, place) => {
      x.set(model.tokens.subarray(id * dModel, (id + 1) * dModel));
      blocks.forEach((block, i) => {
        const see = (name, numbers, head) => look(i, name, numbers, place, head);
        normalize(x, block.attentionNorm, epsilon, normed);
        see("attention_norm", normed);
        multiply(block.qkv, normed, qkv);
        see("attention.queries", queries);
        see("attention.keys", keys);
        see("attention.values", values);
        turn(queries, nHeads, model, place);
        turn(keys, nKvHeads, model, place);
        see("attention.queries_rotated", queries);
        see("attention.keys_rotated", keys);
        cache[i].keys.set(keys, place * width);
        cache[i].values.set(values, place * width);
        attend(queries, cache[i].keys, cache[i].values, place, config, scores, mixed, (name, numbers, head) => see(`attention.${name}`, numbers, head));
        see("attention.mixed", mixed);
        multiply(block.output, mixed, change);
        see("attention.output", change);
        add(x, change);
        see("attended", x);
        normalize(x, block.feedforwardNorm, epsilon, normed);
        see("feedforward_norm", normed);
        multiply(block.gateUp, normed, gateUp);
        // SwiGLU: the gate goes through SiLU and multiplies what goes up.
        for (let j = 0; j < dHidden; j++) hidden[j] = gateUp[j] / (1 + Math.exp(-gateUp[j])) * gateUp[dHidden + j];
        see("feedforward.hidden", hidden);
        multiply(block.down, hidden, change);
        see("feedforward.output", change);
        add(x, change);
        see("output", x);
      });
    };

    const logits = (ids) => {
      if (!ids.length || ids.length > contextLength) throw new RangeError(`${ids.length} tokens; expected 1 to ${contextLength}`);
      let place = 0;
      while (place < ids.length - 1 && cached[place] === ids[place]) place++;
      for (; place < ids.length; place++) feed(ids[place], place);
      cached = ids.slice();
      normalize(x, model.finalNorm, epsilon, normed);
      const out = array(config.vocabSize);
      multiply(model.tokens, normed, out);
      return out;
    };
    return { logits };
  };

  return { checksum, fromHalf, load, multiply, normalize, open, read };
})();
