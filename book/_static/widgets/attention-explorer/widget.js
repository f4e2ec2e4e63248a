// The controls of the attention explorer: which head, which token, where it looks, and what makes it look there.
"use strict";
(() => {
  const box = document.querySelector(".attention-explorer");
  if (!box) return;
  const { make, onWidth, shape, voice } = ExplorerKit, engine = AttentionEngine;
  const texts = engine.read(ATTENTION_DATA);
  const find = (name) => box.querySelector(`.explorer-${name}`);
  const part = (name) => box.querySelector(`.attention-${name}`);
  const field = (name) => box.querySelector(`#attention-${name}`);
  const speak = voice(find("spoken"));
  // Heads whose habit is known, with what explains the answer.
  const QUESTIONS = [
    { text: "long", head: ATTENTION_DATA.induction, query: 14, why: "That is the token which followed “key” the first time: this head looks for what came after an earlier copy of the token." },
    { text: "short", head: ATTENTION_DATA.previous, query: 4, why: "That is the token just before it, where this head looks from almost every token." },
    { text: "short", head: ATTENTION_DATA.resting, query: 4, why: "Many heads rest on the first token. Does it hand over most as well?" },
  ];
  // A key that was picked stays while the head changes; null is the one of most weight.
  let asked = 0, chosen = QUESTIONS[0].query, drawn = chosen, picked = null, shown = false, opened = false;

  // -- What is chosen --------------------------------------------------------------------------------------------------
  const now = () => {
    const name = field("text").value;
    return { name, ...texts[name], layer: Number(field("layer").value), head: Number(field("head").value) };
  };
  const percent = (weight) => `${Math.round(100 * weight)} %`;
  const fixed = (number, digits) => String((Number(number.toFixed(digits)) || 0).toFixed(digits)).replace("-", "−");
  const numbered = (tokens, place) => `“${tokens[place].trim()}”, token ${place + 1}`;
  // How often a word has come so far tells its copies apart.
  const ORDINALS = ["first", "second", "third", "fourth", "fifth"];
  const called = (tokens, place) => {
    const word = tokens[place].trim(), copies = tokens.filter((token) => token.trim() === word).length;
    const count = tokens.slice(0, place).filter((token) => token.trim() === word).length;
    return copies > 1 ? `the ${ORDINALS[count]} “${word}”` : `“${word}”`;
  };
  const summary = (query) => {
    const { tokens, row, layer, head } = now(), [first, second] = engine.ranked(row(layer, head, query));
    const most = `${numbered(tokens, query)}, gives most weight to ${first.key === query ? "itself" : numbered(tokens, first.key)}: ${percent(first.weight)}`;
    const then = second && second.weight > 0 ? `; then to ${second.key === query ? "itself" : numbered(tokens, second.key)}: ${percent(second.weight)}` : "";
    return `Layer ${layer}, head ${head}: ${most}${then}.`;
  };

  const update = (message = "") => {
    const { tokens, layer, head } = now();
    chosen = Math.min(chosen, tokens.length - 1);
    part("layer").textContent = layer;
    part("head").textContent = head;
    find("guess").hidden = shown;
    find("answer").hidden = !shown;
    find("status").textContent = message;
    part("question").textContent = `Predict first. In head ${head} of layer ${layer}, to which token does ${called(tokens, chosen)} give the most weight? It sees the tokens before it, and itself.`;
    const old = field("guess").value;
    field("guess").replaceChildren(new Option("no guess", ""), ...tokens.slice(0, chosen + 1).map((_, place) => new Option(numbered(tokens, place), place)));
    field("guess").value = Number(old) <= chosen && !message ? old : "";
    for (const option of part("tokens").children) {
      const here = Number(option.dataset.place) === chosen;
      option.setAttribute("aria-selected", String(here));
      option.tabIndex = here ? 0 : -1;
    }
    part("said").textContent = "";
    if (!shown) return speak("");
    find("numbers").textContent = summary(chosen);
    drawRow(chosen);
    drawMap(chosen);
    drawTable();
    const made = drawVectors();
    speak(message ? "" : `${summary(chosen)} ${made}`);
  };

  const spell = () => {
    const { tokens } = now();
    part("tokens").replaceChildren(...tokens.map((token, place) => {
      const option = make("div", "", make("span", "unseen", `${place + 1}: `), make("bdi", "", token.trim()));
      option.setAttribute("role", "option");
      option.dataset.place = place;
      return option;
    }));
  };

  // -- Where the token looks -------------------------------------------------------------------------------------------
  const drawRow = (query) => {
    drawn = query;
    const { tokens, row, layer, head } = now(), weights = row(layer, head, query), top = engine.ranked(weights)[0].key;
    box.querySelector("#attention-weights-label").textContent = `Where ${numbered(tokens, query)}, looks`;
    part("weights").replaceChildren(...weights.map((weight, key) => {
      const bar = make("span", "attention-bar");
      bar.style.height = `${(weight * 100).toFixed(1)}%`;
      const frame = make("span", "attention-frame", bar);
      frame.setAttribute("aria-hidden", "true");
      return make("li", key === top ? "is-top" : "", frame, make("bdi", "", tokens[key].trim()), make("span", "attention-percent", ` ${percent(weight)}`));
    }));
    for (const option of part("tokens").children) {
      const place = Number(option.dataset.place);
      option.classList.toggle("is-top", place === top && place <= query);
      option.classList.toggle("is-looking", place === query);
    }
  };

  const drawMap = (query) => {
    const { tokens, row, layer, head } = now(), svg = part("map"), width = Math.max(240, svg.parentElement.clientWidth);
    const left = 62, top = 56, cell = Math.min(34, Math.floor((width - left - 6) / tokens.length)), size = cell * tokens.length;
    const middle = (place) => (place + 0.5) * cell;
    svg.setAttribute("viewBox", `0 0 ${width} ${top + size + 4}`);
    svg.style.height = `${top + size + 4}px`;
    const parts = [];
    tokens.forEach((token, place) => {
      parts.push(shape("text", { x: left - 6, y: top + middle(place) + 4, "text-anchor": "end", class: place === query ? "is-chosen" : "" }, token.trim()),
        shape("text", { transform: `translate(${left + middle(place) + 4} ${top - 6}) rotate(-90)`, class: "attention-across" }, token.trim()));
      row(layer, head, place).forEach((weight, key) => {
        const side = (cell - 3) * Math.sqrt(weight), x = left + middle(key), y = top + middle(place);
        parts.push(shape("rect", { class: "attention-cell", x: x - cell / 2 + 1, y: y - cell / 2 + 1, width: cell - 2, height: cell - 2 }));
        if (weight > 0) parts.push(shape("rect", { class: "is-after", x: x - side / 2, y: y - side / 2, width: side, height: side }));
      });
    });
    parts.push(shape("rect", { class: "attention-chosen", x: left - 1, y: top + query * cell - 1, width: cell * (query + 1) + 2, height: cell + 2 }));
    svg.replaceChildren(...parts);
    svg.dataset.top = top;
    svg.dataset.cell = cell;
    const habits = { first: 0, previous: 0, itself: 0 };
    for (let place = 1; place < tokens.length; place++) {
      const key = engine.ranked(row(layer, head, place))[0].key;
      if (key === 0) habits.first++;
      if (key === place - 1) habits.previous++;
      if (key === place) habits.itself++;
    }
    field("map-text").textContent = `Rows look, columns are looked at; the row of ${numbered(tokens, query)}, is framed. Of ${tokens.length - 1} tokens after the first, ${habits.first} give most weight to the first token, ${habits.previous} to the one before them, and ${habits.itself} to themselves.`;
  };

  // Rows of text, the first cell of each its header; what has to scroll can be reached by keyboard.
  const fill = (table, titles, rows) => {
    const cell = (tag, scope, text) => {
      const made = make(tag, "", text);
      if (scope) made.scope = scope;
      return made;
    };
    table.tHead.replaceChildren(make("tr", "", ...titles.map((title) => cell("th", "col", title))));
    table.tBodies[0].replaceChildren(...rows.map(([first, ...rest]) => make("tr", "", cell("th", "row", first), ...rest.map((text) => cell("td", "", text)))));
    const scroll = table.closest(".explorer-scroll");
    if (!scroll) return;
    if (scroll.scrollHeight > scroll.clientHeight + 1 || scroll.scrollWidth > scroll.clientWidth + 1) scroll.tabIndex = 0;
    else scroll.removeAttribute("tabindex");
  };

  const drawTable = () => {
    const table = part("all").querySelector("table"), { tokens, row, layer, head } = now();
    if (!part("all").open) return fill(table, [], []);
    fill(table, ["query", ...tokens.map((token) => token.trim())], tokens.map((token, query) => {
      const weights = row(layer, head, query);
      return [`${query + 1} ${token.trim()}`, ...tokens.map((_, key) => key <= query ? (100 * weights[key]).toFixed(1) : "")];
    }));
  };

  // -- What a weight is made of ----------------------------------------------------------------------------------------
  // How much of its value each token hands over.
  const handed = () => {
    const { row, made, layer, head } = now(), { lengths } = made(layer, head, chosen);
    return row(layer, head, chosen).map((weight, key) => weight * lengths[key]);
  };

  // Gives the sentence that says it, or nothing while it is hidden.
  const drawVectors = () => {
    const { tokens, row, made, layers, layer, head } = now(), found = made(layer, head, chosen), weights = row(layer, head, chosen);
    part("missing").textContent = found ? "" : `Of this text, the vectors of layer ${layers.join(", ")} are kept; of “the sentence once”, those of every layer.`;
    part("again").hidden = opened || !found;
    part("vectors").hidden = !opened || !found;
    const choices = () => tokens.slice(0, chosen + 1).map((_, place) => new Option(numbered(tokens, place), place));
    const guess = field("again").value;
    field("again").replaceChildren(new Option("no guess", ""), ...choices());
    field("again").value = Number(guess) <= chosen ? guess : "";
    if (!opened || !found) return "";
    if (picked > chosen) picked = null;
    const key = picked ?? engine.ranked(weights)[0].key, { q, k, scores, lengths } = found;
    field("key").replaceChildren(...choices());
    field("key").value = key;

    const each = k.map((one) => engine.products(q, one)), pairs = engine.byPair(each[key]);
    const largest = (vectors) => Math.max(...vectors.flat().map(Math.abs));
    drawStrips([
      [`q of ${numbered(tokens, chosen)}`, q, largest([q])],
      [`k of ${numbered(tokens, key)}`, k[key], largest(k)],
      ["their products", each[key], largest(each)],
    ]);
    const [best] = engine.ranked(pairs), worst = engine.ranked(pairs).at(-1);
    // Products of rounded entries are good for two digits.
    const about = (number) => `about ${Number(number.toPrecision(2))}`;
    const raises = best.weight > 0 ? ` Pair ${best.key} adds most, ${about(best.weight)}.` : "";
    const lowers = worst.weight < 0 ? ` Pair ${worst.key} takes most away, ${about(-worst.weight)}.` : "";
    const width = q.length, over = scores.length > 1 ? `all ${scores.length} scores` : "the only score";
    const text = `The ${width} products of q and k add up to ${fixed(scores[key] * Math.sqrt(width), 1)}; divided by √${width} = ${Math.sqrt(width)}, that is a score of ${fixed(scores[key], 2)}.${raises}${lowers} Softmax over ${over} makes this a weight of ${percent(weights[key])}.`;
    field("strips-text").textContent = text;
    const [halfQ, halfK] = [q, k[key]].map((vector) => largest([vector]) / ATTENTION_DATA.vectorSteps / 2);
    const within = (error) => (Math.ceil(100 * error) / 100).toFixed(2);
    const off = Math.max(...q.map((entry, number) => Math.abs(entry) * halfK + Math.abs(k[key][number]) * halfQ)) + halfQ * halfK;
    part("steps").textContent = `Filled squares are positive, hollow ones negative; their area is the size, on one scale for all tokens that are looked at. A column is a pair of coordinates that turn together, the fastest at the left. Entries are right to ${within(halfQ)} in q and ${within(halfK)} in k, and so their products to ${within(off)}; scores and lengths to 0.001.`;

    const gives = handed(), most = engine.ranked(gives)[0].key;
    field("made-label").textContent = `What ${numbered(tokens, chosen)}, makes of its keys and values`;
    fill(part("made"), ["token", "score", "weight", "length of v", "weight × length"],
      tokens.slice(0, chosen + 1).map((token, place) => [`${place + 1} ${token.trim()}`, fixed(scores[place], 2), percent(weights[place]), fixed(lengths[place], 2), fixed(gives[place], 2)]));
    [...part("made").tBodies[0].rows].forEach((line, place) => {
      line.classList.toggle("is-top", place === most);
      if (place === key) line.setAttribute("aria-current", "true");
    });
    drawEntries(q, k[key], each[key]);
    return text;
  };

  const drawEntries = (...vectors) => {
    const rows = part("entries").open ? vectors[0].map((_, number) => [String(number), ...vectors.map((vector) => fixed(vector[number], 2))]) : [];
    fill(part("entries").querySelector("table"), ["coordinate", "q", "k", "product"], rows);
  };

  // Each strip has the first coordinates of the pairs above the second.
  const drawStrips = (strips) => {
    const svg = part("strips"), width = Math.max(240, svg.parentElement.clientWidth), half = strips[0][1].length / 2;
    const cell = Math.min(16, Math.floor(width / half)), high = 2 * cell + 30, parts = [];
    strips.forEach(([title, entries, largest], number) => {
      const top = number * high + 18;
      parts.push(shape("text", { x: 0, y: top - 5 }, `${title}: up to ${fixed(Math.max(...entries.map(Math.abs)), 1)}`));
      entries.forEach((entry, place) => {
        const x = (place % half) * cell, y = top + Math.floor(place / half) * cell, side = (cell - 1) * Math.sqrt(Math.abs(entry) / largest);
        const edge = entry < 0 ? Math.min(1.4, side) : 0, inner = side - edge;
        parts.push(shape("rect", { class: "attention-cell", x: x + 0.5, y: y + 0.5, width: cell - 1, height: cell - 1 }));
        if (side > 0) parts.push(shape("rect", { class: entry < 0 ? "is-negative" : "is-after", x: x + (cell - inner) / 2, y: y + (cell - inner) / 2, width: inner, height: inner }));
      });
    });
    const bottom = strips.length * high + 6;
    for (let pair = 0; pair < half; pair += 8) parts.push(shape("text", { x: (pair + 0.5) * cell, y: bottom, "text-anchor": "middle" }, String(pair)));
    parts.push(shape("text", { x: half * cell, y: bottom, "text-anchor": "end" }, "pair"));
    svg.setAttribute("viewBox", `0 0 ${width} ${bottom + 4}`);
    svg.style.height = `${bottom + 4}px`;
    svg.replaceChildren(...parts);
  };

  // -- Controls --------------------------------------------------------------------------------------------------------
  const choose = (place, focus) => {
    if (place !== chosen) picked = null;
    chosen = place;
    update();
    if (focus) part("tokens").children[place].focus();
  };
  const MOVES = { ArrowLeft: (at) => at - 1, ArrowRight: (at) => at + 1, Home: () => 0, End: (_, last) => last };
  part("tokens").addEventListener("keydown", (event) => {
    if (!MOVES[event.key] || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const last = part("tokens").children.length - 1;
    choose(Math.min(last, Math.max(0, MOVES[event.key](chosen, last))), true);
  });
  const placeOf = (event) => {
    const option = event.target.closest("[role=option]");
    return option ? Number(option.dataset.place) : null;
  };
  part("tokens").addEventListener("click", (event) => {
    if (placeOf(event) !== null) choose(placeOf(event), true);
  });
  // A pointer that rests on a token, or on a row of the map, shows where it looks; when it leaves, the chosen one is back.
  const preview = (query) => {
    if (!shown || query === null || query === drawn) return;
    drawRow(query);
    drawMap(query);
  };
  part("tokens").addEventListener("pointerover", (event) => preview(placeOf(event)));
  const rowOf = (event) => {
    const svg = part("map"), { top, height } = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.height / height;
    const query = Math.floor(((event.clientY - top) * scale - svg.dataset.top) / svg.dataset.cell);
    return query >= 0 && query < now().tokens.length ? query : null;
  };
  part("map").addEventListener("pointermove", (event) => preview(rowOf(event)));
  part("map").addEventListener("click", (event) => {
    if (rowOf(event) !== null) choose(rowOf(event), false);
  });
  for (const name of ["tokens", "map"]) part(name).addEventListener("pointerleave", () => preview(chosen));

  field("text").addEventListener("change", () => {
    picked = null;
    spell();
    update();
  });
  for (const name of ["layer", "head"]) field(name).addEventListener("input", () => update());
  field("key").addEventListener("change", () => {
    picked = Number(field("key").value);
    speak(drawVectors());
  });
  part("all").addEventListener("toggle", drawTable);
  part("entries").addEventListener("toggle", drawVectors);

  part("again").addEventListener("submit", (event) => {
    event.preventDefault();
    const { tokens, row, layer, head } = now(), guess = field("again").value, weights = row(layer, head, chosen), gives = handed();
    const most = engine.ranked(gives)[0].key, top = engine.ranked(weights)[0].key;
    const answer = `${called(tokens, most)} hands over most: a weight of ${percent(weights[most])} times a length of ${fixed(gives[most] / weights[most], 1)} is ${fixed(gives[most], 2)}.`;
    const other = most === top ? "" : ` The weight of ${numbered(tokens, top)}, is ${percent(weights[top])}, but times its length only ${fixed(gives[top], 2)}.`;
    opened = true;
    drawVectors();
    part("said").textContent = (guess === "" ? answer[0].toUpperCase() + answer.slice(1) : Number(guess) === most ? `Right: ${answer}` : `You predicted ${numbered(tokens, Number(guess))}; ${answer}`) + other;
    field("key").focus({ preventScroll: true });
  });

  find("guess").addEventListener("submit", (event) => {
    event.preventDefault();
    const { name, tokens, row, layer, head } = now(), guess = field("guess").value, best = engine.ranked(row(layer, head, chosen))[0];
    const known = QUESTIONS.find((question) => question.text === name && question.query === chosen && String(question.head) === String([layer, head]));
    const answer = `${called(tokens, chosen)} gives ${percent(best.weight)} of its weight to ${best.key === chosen ? "itself" : numbered(tokens, best.key)}.${known ? ` ${known.why}` : ""}`;
    const said = guess === "" ? answer[0].toUpperCase() + answer.slice(1) : Number(guess) === best.key ? `Right: ${answer}` : `You predicted ${numbered(tokens, Number(guess))}; ${answer}`;
    shown = true;
    update(said);
    part("tokens").querySelector("[tabindex='0']").focus({ preventScroll: true });
  });
  const ask = (question) => {
    field("text").value = question.text;
    [field("layer").value, field("head").value] = question.head;
    chosen = question.query;
    picked = null;
    shown = false;
    opened = false;
    spell();
    update();
  };
  find("hide").addEventListener("click", () => {
    asked = (asked + 1) % QUESTIONS.length;
    field("guess").value = "";
    ask(QUESTIONS[asked]);
    field("guess").focus({ preventScroll: true });
  });

  onWidth(find("answer"), () => {
    if (!shown) return;
    drawMap(chosen);
    drawVectors();
  });
  ask(QUESTIONS[0]);
})();
