// The controls of the positions explorer: every number comes from engine.js.
"use strict";
(() => {
  const SEARCHED = 32768; // distances among which the best match is looked for: the furthest look back, stretched most
  const box = document.querySelector(".positions-explorer");
  if (!box) return;
  const { format, make, onWidth, plot, readNumber, shape, voice } = ExplorerKit, engine = PositionsEngine;
  const find = (name) => box.querySelector(`.explorer-${name}`);
  const part = (name) => box.querySelector(`.positions-${name}`);
  const field = (name) => box.querySelector(`#positions-${name}`);
  const speak = voice(find("spoken"));
  const positions = (number) => `${format(number)} position${number === 1 ? "" : "s"}`;
  const RANGES = { factor: "The factor goes from 1 to 128.", length: "The original length is a whole number from 16 to 1,000,000.", base: "The base goes from 2 to 100,000,000.", "look-back": "The head looks back by a whole number of positions from 0 to 256." };
  const POWERS = ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹", "¹⁰", "¹¹", "¹²"]; // a longer number would not fit beside the axis
  let state = null, shown = false;

  // -- What the settings make ------------------------------------------------------------------------------------------
  const read = () => {
    const numbers = Object.fromEntries(Object.keys(RANGES).map((name) => [name, readNumber(field(name))]));
    const wrong = Object.keys(RANGES).filter((name) => numbers[name] === null);
    if (wrong.length) return { wrong };
    const settings = {
      scaling: field("scaling").value, dHead: Number(field("width").value), base: numbers.base,
      factor: numbers.factor, originalLength: numbers.length, lookBack: numbers["look-back"],
    };
    const before = engine.rotaryFrequencies(settings.dHead, settings.base), after = engine.frequencies(settings);
    return { settings, before, after, magnitude: engine.magnitude(settings), head: engine.headThatLooksBack(settings) };
  };

  const settle = (message = "") => {
    const scaling = field("scaling").value;
    field("factor").disabled = scaling === "none";
    field("length").disabled = !["yarn", "llama3"].includes(scaling);
    const now = read();
    if (now.wrong) {
      find("status").textContent = `${now.wrong.map((name) => RANGES[name]).join(" ")} The last valid settings stay.`;
      return;
    }
    state = now;
    find("status").textContent = message;
    part("learned").textContent = positions(state.settings.lookBack);
    find("guess").hidden = shown;
    find("answer").hidden = !shown;
    if (!shown) return speak("");
    const last = state.after.length - 1;
    field("pair").max = last;
    field("pair").value = Math.min(Number(field("pair").value), last);
    find("numbers").textContent = summary();
    speak(summary());
    drawAll();
  };

  const best = () => {
    const reach = Math.min(SEARCHED, 64 + Math.ceil(state.settings.lookBack * state.settings.factor * 1.5));
    const scores = engine.scoresByDistance(state.head, reach, state.after, state.magnitude), place = engine.bestOf(scores);
    return { place, score: scores[place] };
  };
  const summary = () => {
    const { place, score } = best(), { scaling, lookBack } = state.settings;
    const now = `The best match is at distance ${format(place)}, with a score of ${score.toFixed(3)}`;
    return scaling === "none" ? `${now}.` : `${now}; without scaling it is at ${format(lookBack)}, with 1.`;
  };

  // -- The three drawings ----------------------------------------------------------------------------------------------
  const drawAll = () => { drawScores(); drawWaves(); drawPair(); drawTable(); };
  const curve = (values, frame, name) => shape("polyline", {
    class: name, points: values.map((value, place) => `${frame.across(place).toFixed(1)},${frame.up(value).toFixed(1)}`).join(" "),
  });

  const drawScores = () => {
    const limit = Number(field("limit").value), { before, after, head, magnitude } = state;
    field("distance").max = limit;
    const one = engine.scoresByDistance(head, limit, before), other = engine.scoresByDistance(head, limit, after, magnitude);
    const top = Math.max(1, ...other, ...one), bottom = Math.min(0, ...other, ...one);
    const frame = plot(part("scores"), {
      height: 240, x: [0, limit], y: [bottom, top * 1.05],
      xTicks: [0, 1, 2, 3, 4].map((i) => ({ at: limit * i / 4, text: format(limit * i / 4) })),
      yTicks: [-1, -0.5, 0, 0.5, 1, 1.5, 2].filter((at) => at >= bottom && at <= top * 1.05).map((at) => ({ at, text: format(at) })),
      xLabel: "distance in positions", yLabel: "score",
    });
    const distance = Number(field("distance").value), at = frame.across(distance);
    frame.add(curve(one, frame, "is-before"), curve(other, frame, "is-after"),
      shape("line", { class: "explorer-mark", x1: at, x2: at, y1: frame.top, y2: frame.bottom }),
      shape("circle", { class: "is-before", cx: at, cy: frame.up(one[distance]), r: 4 }),
      shape("rect", { class: "is-after", x: at - 4, y: frame.up(other[distance]) - 4, width: 8, height: 8 }));
    sayScores();
  };

  const sayScores = () => {
    const distance = Number(field("distance").value), place = Number(field("key").value), { before, after, head, magnitude } = state;
    const now = engine.score(head, place + distance, place, after, magnitude);
    part("distance").textContent = positions(distance);
    part("key").textContent = format(place);
    const text = `At distance ${format(distance)} the score is ${engine.score(head, place + distance, place, before).toFixed(6)} without scaling and ${now.toFixed(6)} scaled, computed from the vectors turned to positions ${format(place + distance)} and ${format(place)}. Move the key: as long as the distance stays, so do the scores.`;
    field("scores-text").textContent = text;
  };

  const drawWaves = () => {
    const { before, after, settings } = state, wave = (frequency) => Math.log10(2 * Math.PI / frequency);
    const last = before.length - 1, pair = Number(field("pair").value);
    const uses = ["yarn", "llama3"].includes(settings.scaling), length = Math.log10(settings.originalLength);
    const top = Math.max(wave(before[last]), wave(after[last]), uses ? length : 0), whole = Array.from({ length: Math.floor(top) + 1 }, (_, i) => i);
    const frame = plot(part("waves"), {
      height: 260, x: [-0.5, last + 0.5], y: [0.5, top + 0.3],
      xTicks: [0, 1, 2, 3, 4].map((i) => Math.round(last * i / 4)).map((at) => ({ at, text: String(at) })),
      yTicks: whole.filter((at) => at >= 1).map((at) => ({ at, text: at < 6 ? format(10 ** at) : `10${POWERS[at]}` })),
      xLabel: "pair of coordinates", yLabel: "positions for one turn",
    });
    if (uses) {
      frame.add(shape("line", { class: "explorer-length", x1: frame.left, x2: frame.right, y1: frame.up(length), y2: frame.up(length) }),
        shape("text", { x: frame.left + 4, y: frame.up(length) - 5 }, `original length ${format(settings.originalLength)}`));
    }
    const at = frame.across(pair);
    frame.add(shape("line", { class: "explorer-mark", x1: at, x2: at, y1: frame.top, y2: frame.bottom }),
      ...after.map((frequency, i) => shape("rect", { class: "is-after", x: frame.across(i) - 2.5, y: frame.up(wave(frequency)) - 2.5, width: 5, height: 5 })),
      ...before.map((frequency, i) => shape("circle", { class: "is-before", cx: frame.across(i), cy: frame.up(wave(frequency)), r: 3.5 })));
    part("pair").textContent = String(pair);
    const stretch = before[pair] / after[pair];
    const change = Math.abs(stretch - 1) < 1e-12 ? "Scaling leaves it as it is." : `Scaled, it needs ${format(2 * Math.PI / after[pair])} positions, ${format(stretch)} times as many.`;
    field("waves-text").textContent = `Pair ${pair} turns by ${format(before[pair])} radians from one position to the next and comes round after ${format(2 * Math.PI / before[pair])} positions. ${settings.scaling === "none" ? "" : change}`;
  };

  const arrow = (angle, length, side, name, text) => {
    const x = 120 + 92 * length * Math.cos(angle), y = 120 - 92 * length * Math.sin(angle);
    const beside = (coordinate) => 120 + (92 * length + 3) * coordinate(angle + side * 0.14 / length);
    const head = (turn) => `${(x - 11 * Math.cos(angle + turn)).toFixed(1)},${(y + 11 * Math.sin(angle + turn)).toFixed(1)}`;
    return [shape("line", { class: name, x1: 120, y1: 120, x2: x, y2: y }),
      shape("polygon", { class: name, points: `${x.toFixed(1)},${y.toFixed(1)} ${head(0.4)} ${head(-0.4)}` }),
      shape("text", { x: beside(Math.cos), y: 244 - beside(Math.sin), "text-anchor": "middle" }, text)];
  };
  const drawPair = () => {
    const { after, head, magnitude } = state, pair = Number(field("pair").value), half = after.length;
    const place = Number(field("key").value), distance = Number(field("distance").value);
    const angleOf = (vector, position) => {
      const turned = engine.rotate(vector, position, after, magnitude);
      return Math.atan2(turned[pair + half], turned[pair]);
    };
    const query = angleOf(head.query, place + distance), key = angleOf(head.key, place);
    part("circle").replaceChildren(
      shape("circle", { class: "explorer-ring", cx: 120, cy: 120, r: 92 }),
      ...arrow(key, 0.72, -1, "is-before", "k"), ...arrow(query, 1, 1, "is-after", "q"));
    const between = (query - key) - 2 * Math.PI * Math.round((query - key) / (2 * Math.PI));
    const ahead = Math.abs(between) < 5e-4 ? "They point the same way" : `The query is ${format(Math.abs(between))} radians ${between > 0 ? "ahead of" : "behind"} the key`;
    field("circle-text").textContent = `The query (q, long and solid) is at position ${format(place + distance)}, the key (k, short and dashed) at position ${format(place)}, both with the scaled frequencies. ${ahead}: pair ${pair} adds ${(Math.cos(between) * magnitude ** 2 / half).toFixed(4)} to the score, of at most ${(magnitude ** 2 / half).toFixed(4)}.`;
  };

  const drawTable = () => {
    const body = box.querySelector("tbody");
    body.replaceChildren();
    if (!box.querySelector("details").open) return;
    state.before.forEach((frequency, pair) => {
      const cells = [frequency, 2 * Math.PI / frequency, 2 * Math.PI / state.after[pair], frequency / state.after[pair]];
      const head = make("th", "", String(pair));
      head.scope = "row";
      body.append(make("tr", "", head, ...cells.map((cell) => make("td", "", format(cell)))));
    });
    const scroll = find("scroll");
    if (scroll.scrollHeight > scroll.clientHeight + 1 || scroll.scrollWidth > scroll.clientWidth + 1) scroll.tabIndex = 0;
    else scroll.removeAttribute("tabindex");
  };

  // -- Controls --------------------------------------------------------------------------------------------------------
  for (const name of ["scaling", "width"]) field(name).addEventListener("change", () => settle());
  for (const name of Object.keys(RANGES)) field(name).addEventListener("input", () => settle());
  field("limit").addEventListener("change", () => { drawScores(); drawPair(); });
  for (const name of ["distance", "key"]) {
    field(name).addEventListener("input", () => {
      drawScores();
      drawPair();
      speak(`Score ${engine.score(state.head, Number(field("key").value) + Number(field("distance").value), Number(field("key").value), state.after, state.magnitude).toFixed(3)}.`);
    });
  }
  field("pair").addEventListener("input", () => {
    drawWaves();
    drawPair();
    speak(field("waves-text").textContent);
  });
  box.querySelector("details").addEventListener("toggle", drawTable);

  find("guess").addEventListener("submit", (event) => {
    event.preventDefault();
    shown = true;
    const guess = field("guess").value, { place } = best();
    field("distance").value = Math.min(place, Number(field("limit").value));
    const answer = `the best match is at distance ${format(place)}.`;
    settle(guess === "" ? "" : Number(guess) === place ? `Right: ${answer}` : `You predicted ${format(Number(guess))}; ${answer}`);
    field("distance").focus({ preventScroll: true });
  });
  find("hide").addEventListener("click", () => {
    shown = false;
    field("guess").value = "";
    settle();
    field("scaling").focus({ preventScroll: true });
  });

  // A browser that comes back to the page may have kept what was chosen before.
  for (const select of box.querySelectorAll("select")) select.value = select.querySelector("[selected]").value;
  for (const input of box.querySelectorAll("input")) input.value = input.defaultValue;
  onWidth(find("answer"), () => { if (shown) drawAll(); });
  settle();
})();
