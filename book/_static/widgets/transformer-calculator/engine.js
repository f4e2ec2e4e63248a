// What a model costs: llmguide.transformer.accounting, which the tests compare it with to the unit. All counts are
// BigInts, since operations on long texts exceed what a Number holds exactly. Nothing here knows of the page.
"use strict";
const CalculatorEngine = (() => {
  const linear = (inputs, outputs, bias) => inputs * outputs + (bias ? outputs : 0n);
  const sum = (parts) => Object.values(parts).reduce((total, part) => total + part, 0n);
  const scale = (parts, factor) => Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, factor * part]));
  const add = (one, other) => Object.fromEntries(Object.keys(one).map((name) => [name, one[name] + other[name]]));
  const whole = (settings) => Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, typeof value === "number" ? BigInt(value) : value]));

  // -- What one part of a block costs: parameters, norms inside, operations, bytes kept -----------------------------------
  const normParameters = (s, width) => width * (s.norm === "layer" ? 2n : 1n);

  const attention = (s) => {
    const asking = s.heads * s.dHead, projected = (s.heads + 2n * s.kvHeads) * s.dHead;
    return {
      parameters: linear(s.dModel, projected, s.bias) + linear(asking, s.dModel, s.outputBias),
      norms: s.qkNorm ? 2n * normParameters(s, s.dHead) : 0n,
      flops: ({ tokens, keys }) => [2n * tokens * s.dModel * (projected + asking), 4n * tokens * keys * asking],
      bytes: (batch, positions, each) => 2n * batch * positions * s.kvHeads * s.dHead * each,
    };
  };

  const latent = (s) => {
    const asked = s.heads * (s.dNope + s.dRope), both = s.dNope + s.dValue;
    const down = s.dModel * ((s.queryRank || asked) + s.kvRank + s.dRope), up = s.kvRank * s.heads * both;
    const queries = s.queryRank * asked, back = s.heads * s.dValue * s.dModel;
    // With a cache the form runs that has less to multiply: queries carried to the latents, or keys and values made.
    const absorbs = ({ positions, keys, cached }) => cached > 0n
      && positions * s.kvRank * both + positions * keys * (2n * s.kvRank + s.dRope) < keys * s.kvRank * both + positions * keys * (both + s.dRope);
    return {
      parameters: down + queries + up + back,
      norms: s.kvRank + s.queryRank,
      flops: (span) => {
        const { batch, tokens, keys } = span, ever = tokens * (down + queries + back);
        return absorbs(span)
          ? [2n * (ever + tokens * up), 2n * tokens * keys * s.heads * (2n * s.kvRank + s.dRope)]
          : [2n * (ever + batch * keys * up), 2n * tokens * keys * s.heads * (both + s.dRope)];
      },
      bytes: (batch, positions, each) => batch * positions * (s.kvRank + s.dRope) * each,
    };
  };

  const stateSpace = (s) => {
    const values = s.stateHeads * s.dStateHead, convolved = values + 2n * s.stateGroups * s.dState;
    const projected = values + convolved + s.stateHeads;
    return {
      parameters: linear(s.dModel, projected, s.stateBias) + convolved * (s.conv + s.convBias) + 3n * s.stateHeads
        + linear(values, s.dModel, s.stateBias),
      norms: values,
      flops: ({ batch, tokens, positions }) => {
        const chunks = positions / s.chunk, rest = positions % s.chunk;
        const inside = (chunks * s.chunk ** 2n + rest ** 2n) * s.stateHeads * (s.dState + s.dStateHead);
        const through = 2n * positions * values * s.dState;
        return [2n * tokens * s.dModel * (projected + values), 2n * batch * (inside + through + positions * convolved * s.conv)];
      },
      // A state is a sum over the whole text: in float32 at least.
      bytes: (batch, positions, each) => batch * (values * s.dState * (each > 4n ? each : 4n) + convolved * (s.conv - 1n) * each),
    };
  };

  const layer = (s, hidden) => ({
    parameters: linear(s.dModel, (s.gated ? 2n : 1n) * hidden, s.hiddenBias) + linear(hidden, s.dModel, s.hiddenBias),
    flops: (tokens) => 2n * tokens * s.dModel * hidden * (s.gated ? 3n : 2n),
  });

  const feedforwards = (s) => {
    const dense = { ...layer(s, s.dHidden), idle: 0n };
    if (!s.experts) return { dense, other: dense };
    const expert = layer(s, s.dExpert), nothing = { parameters: 0n, flops: () => 0n };
    const shared = s.dShared ? layer(s, s.dShared) : nothing;
    const other = {
      parameters: s.experts * s.dModel + shared.parameters + s.experts * expert.parameters,
      idle: (s.experts - s.active) * expert.parameters,
      flops: (tokens) => 2n * tokens * s.dModel * s.experts + shared.flops(tokens) + expert.flops(tokens * s.active),
    };
    return { dense, other };
  };

  const partsOf = (s) => {
    const mixer = s.attention === "latent" ? latent(s) : attention(s), { dense, other } = feedforwards(s);
    return {
      mixers: [[s.stateLayers, stateSpace(s)], [s.layers - s.stateLayers, mixer]],
      feedforwards: s.experts ? [[s.denseLayers, dense], [s.layers - s.denseLayers, other]] : [[s.layers, dense]],
      attention: mixer, dense,
    };
  };
  const total = (kinds, cost) => kinds.reduce((result, [times, kind]) => result + (times ? times * cost(kind) : 0n), 0n);

  // -- The whole model ---------------------------------------------------------------------------------------------------
  const parameters = (settings) => {
    const s = whole(settings), d = s.dModel, parts = partsOf(s), norm = normParameters(s, d);
    const relative = s.learned ? 0n : s.buckets * s.heads;
    const result = {
      embedding: (s.vocab + s.learned + s.tokenTypes) * d,
      attention: relative + total(parts.mixers, (mixer) => mixer.parameters),
      feedforward: total(parts.feedforwards, (part) => part.parameters),
      norms: 2n * s.layers * norm + total(parts.mixers, (mixer) => mixer.norms)
        + (s.embeddingNorm ? norm : 0n) + (s.placement === "pre" ? norm : 0n),
      head: { tied: 0n, none: 0n, linear: s.vocab * d, masked: linear(d, d, true) + norm + s.vocab }[s.head],
    };
    if (s.encoderLayers) { // an encoder of the same blocks, and cross-attention with a norm in each of the decoder's
      const cross = attention(s);
      result.attention += relative + s.encoderLayers * parts.attention.parameters + s.layers * cross.parameters;
      result.feedforward += s.encoderLayers * parts.dense.parameters;
      result.norms += s.encoderLayers * (2n * norm + parts.attention.norms) + (s.placement === "pre" ? norm : 0n)
        + s.layers * (norm + cross.norms);
    }
    return result;
  };

  const activeParameters = (settings) => {
    const s = whole(settings), every = parameters(settings);
    return { ...every, feedforward: every.feedforward - total(partsOf(s).feedforwards, (part) => part.idle) };
  };

  const span = (batch, positions, cached = 0n) => ({ batch, positions, cached, tokens: batch * positions, keys: cached + positions });
  const stackFlops = (s, where, mixers, feedforwards, columns) => ({
    projections: total(mixers, (mixer) => mixer.flops(where)[0]),
    attention: total(mixers, (mixer) => mixer.flops(where)[1]),
    feedforward: total(feedforwards, (part) => part.flops(where.tokens)),
    head: 2n * where.tokens * s.dModel * columns,
  });

  // Operations of reading a prompt. In a model of two stacks the encoder reads it, and the decoder's layers make keys
  // and values of what was read.
  const promptFlops = (settings, batch, positions) => {
    const s = whole(settings), parts = partsOf(s), where = span(BigInt(batch), BigInt(positions));
    if (s.encoderLayers) {
      const read = stackFlops(s, where, [[s.encoderLayers, parts.attention]], [[s.encoderLayers, parts.dense]], 0n);
      read.projections += s.layers * 2n * where.tokens * s.dModel * 2n * s.kvHeads * s.dHead;
      return read;
    }
    return stackFlops(s, where, parts.mixers, parts.feedforwards, columnsOf(s));
  };
  const columnsOf = (s) => ({ none: 0n, tied: s.vocab, linear: s.vocab, masked: s.dModel + s.vocab }[s.head]);

  // Operations of one more token for each row behind a prompt.
  const tokenFlops = (settings, batch, prompt) => {
    const s = whole(settings), parts = partsOf(s), before = BigInt(prompt);
    const where = span(BigInt(batch), 1n, s.encoderLayers ? 0n : before);
    const written = stackFlops(s, where, parts.mixers, parts.feedforwards, columnsOf(s));
    if (s.encoderLayers) {
      const asking = s.heads * s.dHead;
      written.projections += s.layers * 4n * where.tokens * s.dModel * asking;
      written.attention += s.layers * 4n * where.tokens * before * asking;
    }
    return written;
  };

  // What is kept of a prompt. In a model of two stacks: the states that were read, the keys and values that each of the
  // decoder's layers makes of them, and room for one position of the decoder.
  const cacheBytes = (settings, batch, positions, bytesPerNumber) => {
    const s = whole(settings), rows = BigInt(batch), length = BigInt(positions), each = BigInt(bytesPerNumber);
    const own = (room) => total(partsOf(s).mixers, (mixer) => mixer.bytes(rows, room, each));
    if (!s.encoderLayers) return own(length);
    return own(1n) + rows * length * (s.dModel + s.layers * 2n * s.kvHeads * s.dHead) * each;
  };

  const weightBytes = (settings, bits) => (sum(parameters(settings)) * BigInt(bits) + 7n) / 8n;
  const EACH = {
    float32: { weights: 4n, gradients: 4n, moments: 8n, copy: 0n },
    mixed: { weights: 2n, gradients: 2n, moments: 8n, copy: 4n },
  };
  const trainingBytes = (settings, precision) => scale(EACH[precision], sum(parameters(settings)));

  // How a count relates to a published one: as llmguide.transformer.catalogue.agreement says.
  const agreement = (count, [value, step]) => {
    const away = count - BigInt(value), unit = BigInt(step), size = away < 0n ? -away : away;
    if (unit === 1n) return away === 0n ? "exact" : "differs";
    if (2n * size <= unit) return "rounded";
    return away >= 0n && away < unit ? "cut off" : "differs";
  };

  return { activeParameters, add, agreement, cacheBytes, parameters, promptFlops, sum, tokenFlops, trainingBytes, weightBytes };
})();
