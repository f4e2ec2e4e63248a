// Every tensor of a text in the book's model, by the names of llmguide.interpret.walk, and the terms of each number.
"use strict";
const WalkEngine = (() => {
  const { multiply, normalize, open } = WorldModelEngine;

  // A tensor is { heads, rows, width, numbers }; those without heads have one. Where a query may not look is NaN.
  const at = ({ rows, width, numbers }, head, row, column) => numbers[(head * rows + row) * width + column];
  const rowOf = ({ rows, width, numbers }, head, row) => numbers.subarray((head * rows + row) * width, (head * rows + row + 1) * width);

  const record = (model, ids) => {
    const { config } = model, { dModel, vocabSize, nHeads, nKvHeads, epsilon, nLayers } = config, rows = ids.length, tensors = {};
    const tensor = (name, heads, width) => tensors[name] ??= { heads, rows, width, numbers: new Float32Array(heads * rows * width).fill(NaN) };
    const shared = /attention\.(keys|values)/, split = /attention\.(queries|mixed)/, pairs = /attention\.(scores|weights)/;
    const put = (name, heads, numbers, row) => {
      const width = numbers.length / heads, kept = tensor(name, heads, width);
      for (let head = 0; head < heads; head++) rowOf(kept, head, row).set(numbers.subarray(head * width, (head + 1) * width));
    };
    const text = open(model, (block, name, numbers, row, head) => {
      const full = `blocks.${block}.${name}`;
      if (pairs.test(name)) rowOf(tensor(full, nHeads, rows), head, row).set(numbers.subarray(0, row + 1));
      else put(full, shared.test(name) ? nKvHeads : split.test(name) ? nHeads : 1, numbers, row);
    });
    ids.forEach((id, row) => put("embedding", 1, model.tokens.subarray(id * dModel, (id + 1) * dModel), row));
    text.logits(ids);
    ids.forEach((_, row) => {
      const normed = new Float32Array(dModel), logits = new Float32Array(vocabSize);
      normalize(rowOf(tensors[`blocks.${nLayers - 1}.output`], 0, row), model.finalNorm, epsilon, normed);
      multiply(model.tokens, normed, logits);
      put("final_norm", 1, normed, row);
      put("logits", 1, logits, row);
      put("probabilities", 1, Float32Array.from(softmax(logits).shares), row);
    });
    return tensors;
  };

  const softmax = (numbers) => {
    const largest = numbers.reduce((most, number) => Math.max(most, number), -Infinity);
    const powers = Array.from(numbers, (number) => Math.exp(number - largest)), sum = powers.reduce((total, power) => total + power, 0);
    return { largest, powers, sum, shares: powers.map((power) => power / sum) };
  };

  // -- The stations ----------------------------------------------------------------------------------------------------
  // What each is computed from; names with a dot before them are the block's.
  const BLOCK = {
    attention_norm: [".before"],
    "attention.queries": [".attention_norm"],
    "attention.keys": [".attention_norm"],
    "attention.values": [".attention_norm"],
    "attention.queries_rotated": [".attention.queries"],
    "attention.keys_rotated": [".attention.keys"],
    "attention.scores": [".attention.queries_rotated", ".attention.keys_rotated"],
    "attention.weights": [".attention.scores"],
    "attention.mixed": [".attention.weights", ".attention.values"],
    "attention.output": [".attention.mixed"],
    attended: [".before", ".attention.output"],
    feedforward_norm: [".attended"],
    "feedforward.hidden": [".feedforward_norm"],
    "feedforward.output": [".feedforward.hidden"],
    output: [".attended", ".feedforward.output"],
  };
  const stations = ({ nLayers }) => {
    const all = [{ name: "embedding", part: "embedding", block: null, sources: [] }];
    for (let block = 0; block < nLayers; block++) {
      const before = block ? `blocks.${block - 1}.output` : "embedding";
      for (const [part, from] of Object.entries(BLOCK)) {
        all.push({ name: `blocks.${block}.${part}`, part, block, sources: from.map((source) => source === ".before" ? before : `blocks.${block}${source}`) });
      }
    }
    const last = (name, source) => all.push({ name, part: name, block: null, sources: [source] });
    last("final_norm", `blocks.${nLayers - 1}.output`);
    last("logits", "final_norm");
    last("probabilities", "logits");
    return all;
  };

  // -- The terms of a number -------------------------------------------------------------------------------------------
  // What `station` has at a head, row and column: { kind, value, terms, ... }. The value is computed here again, from
  // the tensors before it; each term is [where it comes from, its numbers ..., what it adds to the sum].
  const explain = (model, tensors, station, head, row, column) => {
    const { config, blocks } = model, { nHeads, nKvHeads, dHead, dHidden, dModel, epsilon, ropeBase } = config;
    const block = blocks[station.block], [first, second] = station.sources.map((name) => tensors[name]);
    const group = Math.floor(head / (nHeads / nKvHeads));
    const total = (terms) => terms.reduce((sum, term) => sum + term[term.length - 1], 0);
    const products = (x, matrix, line) => Array.from(x, (number, i) => {
      const weight = matrix[line * x.length + i];
      return [i, number, weight, number * weight];
    });
    const linear = (x, matrix, line) => {
      const terms = products(x, matrix, line);
      return { kind: "products", terms, line, value: total(terms) };
    };
    const norm = (scale) => {
      const x = rowOf(first, 0, row), terms = Array.from(x, (number, i) => [i, number, number * number]), squares = total(terms);
      const root = Math.sqrt(squares / dModel + epsilon);
      return { kind: "norm", terms, squares, root, x: x[column], scale: scale[column], value: x[column] / root * scale[column] };
    };
    const rotation = (of) => {
      const half = dHead / 2, pair = column % half, frequency = ropeBase ** (-pair / half), angle = row * frequency;
      const x = rowOf(first, of, row), other = (column + half) % dHead, turn = column < half ? -Math.sin(angle) : Math.sin(angle);
      const terms = [[column, x[column], Math.cos(angle), x[column] * Math.cos(angle)], [other, x[other], turn, x[other] * turn]];
      return { kind: "rotation", terms, angle, frequency, value: total(terms) };
    };
    const shares = (numbers) => {
      const { largest, powers, sum } = softmax(numbers);
      return { kind: "softmax", terms: Array.from(numbers, (number, i) => [i, number, powers[i]]), largest, sum, value: powers[column] / sum };
    };
    const residual = () => {
      const terms = [first, second].map((tensor, i) => [i, at(tensor, 0, row, column)]);
      return { kind: "sum", terms, value: total(terms) };
    };
    switch (station.part) {
      case "embedding": return { kind: "lookup", terms: [], value: at(tensors.embedding, 0, row, column) };
      case "attention_norm": return norm(block.attentionNorm);
      case "feedforward_norm": return norm(block.feedforwardNorm);
      case "final_norm": return norm(model.finalNorm);
      case "attention.queries": return linear(rowOf(first, 0, row), block.qkv, head * dHead + column);
      case "attention.keys": return linear(rowOf(first, 0, row), block.qkv, (nHeads + group) * dHead + column);
      case "attention.values": return linear(rowOf(first, 0, row), block.qkv, (nHeads + nKvHeads + group) * dHead + column);
      case "attention.queries_rotated": return rotation(head);
      case "attention.keys_rotated": return rotation(group);
      case "attention.scores": {
        const terms = products(rowOf(first, head, row), rowOf(second, group, column), 0), sum = total(terms);
        return { kind: "score", terms, sum, value: sum / Math.sqrt(dHead) };
      }
      case "attention.weights": return shares(rowOf(first, head, row).subarray(0, row + 1));
      case "attention.mixed": {
        const terms = Array.from(rowOf(first, head, row).subarray(0, row + 1), (weight, seen) => {
          const value = at(second, group, seen, column);
          return [seen, weight, value, weight * value];
        });
        return { kind: "mixed", terms, value: total(terms) };
      }
      case "attention.output": {
        const mixed = Float32Array.from({ length: nHeads * dHead }, (_, i) => at(first, Math.floor(i / dHead), row, i % dHead));
        return linear(mixed, block.output, column);
      }
      case "attended": case "output": return residual();
      case "feedforward.hidden": {
        const x = rowOf(first, 0, row), gates = products(x, block.gateUp, column), ups = products(x, block.gateUp, dHidden + column);
        const gate = total(gates), up = total(ups), open = gate / (1 + Math.exp(-gate));
        return { kind: "gated", terms: gates.map((term, i) => [...term, ...ups[i].slice(2)]), gate, open, up, value: open * up };
      }
      case "feedforward.output": return linear(rowOf(first, 0, row), block.down, column);
      case "logits": return linear(rowOf(first, 0, row), model.tokens, column);
      default: return shares(rowOf(first, 0, row));
    }
  };

  return { at, explain, record, rowOf, stations };
})();
