// The controls of the walk: which station, token and number, and what that number is made of.
"use strict";
(() => {
  const box = document.querySelector(".transformer-walk");
  if (!box) return;
  const { make, onWidth, voice } = ExplorerKit, { partsOf, say, show } = TokenText, engine = WalkEngine;
  const find = (name) => box.querySelector(`.explorer-${name}`);
  const part = (name) => box.querySelector(`.walk-${name}`);
  const field = (name) => box.querySelector(`#walk-${name}`);
  const button = (act) => box.querySelector(`[data-act=${act}]`);
  const speak = voice(find("spoken"));
  const { config } = WORLD_MODEL, { ids } = TRANSFORMER_WALK, stations = engine.stations(config);
  const vocabulary = TokenizerEngine.readVocabulary(WORLD_MODEL.vocabulary);
  let model = null, tensors = null; // once the weights are here
  const chosen = { step: 0, block: 0, head: 0, row: ids.length - 1, column: 0 };

  // -- In words --------------------------------------------------------------------------------------------------------
  // Titles, what a number is in words, and the group of the diagram that a station belongs to.
  const STATIONS = {
    embedding: ["embedding", "The row of the embedding matrix that belongs to the token: it is looked up, and nothing is computed.", "stream"],
    attention_norm: ["norm", "Each number of the stream, divided by the root of the mean of their squares, times a learned scale.", "attention"],
    "attention.queries": ["queries", "What each position looks for: products of the normed stream with the rows of the matrix of queries, summed.", "attention"],
    "attention.keys": ["keys", "What each position can be found by: products of the normed stream with the rows of the matrix of keys, summed.", "attention"],
    "attention.values": ["values", "What each position hands over when it is found: products of the normed stream with the rows of the matrix of values, summed.", "attention"],
    "attention.queries_rotated": ["rotated queries", "Two coordinates of a query at a time, turned by an angle that grows with its place.", "attention"],
    "attention.keys_rotated": ["rotated keys", "Two coordinates of a key at a time, turned by an angle that grows with its place.", "attention"],
    "attention.scores": ["scores", "How well the query of one position matches the key of another: the sum of their products, divided by the root of the head's width. Later tokens are hidden.", "attention"],
    "attention.weights": ["weights", "Each score's exponential, divided by the sum of those of all tokens that the position sees: they sum to 1.", "attention"],
    "attention.mixed": ["mixed values", "The values of the tokens that the position sees, each times its weight, summed.", "attention"],
    "attention.output": ["output", "The mixed values of all heads, side by side, times the rows of the matrix of the output, summed.", "attention"],
    attended: ["+ stream after attention", "The stream as it was, plus what attention adds.", "stream"],
    feedforward_norm: ["norm", "Each number of the stream, divided by the root of the mean of their squares, times a learned scale.", "feed-forward"],
    "feedforward.hidden": ["hidden", "Two sums of products, the gate and what goes up: SiLU of the gate times what goes up.", "feed-forward"],
    "feedforward.output": ["output", "The hidden numbers times the rows of the matrix that goes down, summed.", "feed-forward"],
    output: ["+ stream after the block", "The stream after attention, plus what feed-forward adds.", "stream"],
    final_norm: ["final norm", "Each number of the stream, divided by the root of the mean of their squares, times a learned scale.", "stream"],
    logits: ["logits", "One number for each token of the vocabulary: the products of the final vector with that token's embedding, summed.", "stream"],
    probabilities: ["probabilities", "Each logit's exponential, divided by the sum of all: how likely each token is to come next.", "stream"],
  };
  const PARTS = Object.keys(STATIONS), WIDE = { logits: true, probabilities: true };
  const now = () => stations[chosen.step];
  const titleOf = ({ part: name, block }) => {
    const [title, , group] = STATIONS[name], where = group === "stream" ? "" : ` of ${group}`;
    return (block === null ? title : `${title.replace("+ ", "")}${where}, block ${block}`).replace(/^./, (letter) => letter.toUpperCase());
  };
  const fixed = (number, digits = 4) => number.toFixed(digits).replace(/^-(?=[0.]*$)/, "").replace(/-/g, "−");
  const short = (number) => {
    const size = Math.abs(number);
    return size < 0.0005 && size ? number.toExponential(0).replace(/-/g, "−") : fixed(number, size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.00995 ? 2 : 3);
  };
  const text = (id) => say(partsOf(id, vocabulary)).replace(/^space /, "");
  const token = (row) => `“${text(ids[row])}”, token ${row + 1}`;
  const isPairs = () => /scores|weights/.test(now().part);
  const isNamed = () => isPairs() || WIDE[now().part];
  // Which head of the tensor is shown: heads of queries share those of keys and values.
  const headOf = ({ heads }) => Math.floor(chosen.head / (config.nHeads / heads));
  const called = (column, name = now().part) => WIDE[name] ? `“${text(column)}”` : /scores|weights/.test(name) ? token(column) : `number ${column}`;

  // -- The diagram -----------------------------------------------------------------------------------------------------
  const drawDiagram = () => {
    const frames = {};
    const diagram = part("diagram");
    for (const name of PARTS) {
      const [title, , group] = STATIONS[name], option = make("div", group === "stream" ? "is-stream" : "", title);
      option.setAttribute("role", "option");
      option.dataset.part = name;
      if (group === "stream") {
        diagram.append(option);
        continue;
      }
      if (!frames[group]) {
        frames[group] = make("div", "walk-part");
        frames[group].setAttribute("role", "group");
        frames[group].setAttribute("aria-label", group);
        const label = make("span", "walk-part-name", group);
        label.setAttribute("aria-hidden", "true");
        frames[group].append(label);
        diagram.append(frames[group]);
      }
      frames[group].append(option);
    }
  };
  const options = () => Array.from(part("diagram").querySelectorAll("[role=option]"));
  const markDiagram = () => {
    const { part: name, block } = now();
    for (const option of options()) {
      const here = option.dataset.part === name, inBlock = !["embedding", "final_norm", "logits", "probabilities"].includes(option.dataset.part);
      option.setAttribute("aria-selected", String(here));
      option.tabIndex = here ? 0 : -1;
      if (inBlock) option.setAttribute("aria-label", `${titleOf({ part: option.dataset.part, block: chosen.block })}`);
    }
    if (block !== null) field("block").value = block;
  };

  // -- Colours ---------------------------------------------------------------------------------------------------------
  const strength = (number, most) => most ? Math.sqrt(Math.abs(number) / most) : 0;
  const largest = (numbers) => numbers.reduce((most, number) => number === number ? Math.max(most, Math.abs(number)) : most, 0);
  const drawMap = () => {
    const tensor = tensors[now().name], head = headOf(tensor), { rows, width } = tensor, canvas = box.querySelector("canvas");
    const style = getComputedStyle(box), channels = (name) => style.getPropertyValue(name).match(/[\da-f]{2}/gi).map((pair) => parseInt(pair, 16));
    const up = channels("--after"), down = channels("--before"), pen = canvas.getContext("2d");
    const numbers = tensor.numbers.subarray(head * rows * width, (head + 1) * rows * width), most = largest(numbers);
    Object.assign(canvas, { width, height: rows });
    const picture = pen.createImageData(width, rows);
    numbers.forEach((number, i) => {
      if (number === number) picture.data.set([...number < 0 ? down : up, 255 * strength(number, most)], 4 * i);
    });
    pen.putImageData(picture, 0, 0);
    part("picture").classList.toggle("is-fine", width > 600);
    // Of the vocabulary, what is likeliest to come next says more than a picture.
    const likeliest = (row) => numbers.subarray(row * width, (row + 1) * width).reduce((best, number, i, all) => number > all[best] ? i : best, 0);
    part("rows").replaceChildren(...ids.map((id, row) => make("span", row === chosen.row ? "is-chosen" : "", WIDE[now().part] ? `${text(id)} → ${text(likeliest(row))}` : text(id))));
    part("row").style.top = `${100 * chosen.row / rows}%`;
    part("row").style.height = `${100 / rows}%`;
    Object.assign(part("spot").style, { left: `${100 * chosen.column / width}%`, width: `${100 / width}%`, top: `${100 * chosen.row / rows}%`, height: `${100 / rows}%` });
    tellMap(chosen.row, chosen.column);
  };
  const tellMap = (row, column) => {
    const tensor = tensors[now().name], number = engine.at(tensor, headOf(tensor), row, column);
    const what = WIDE[now().part] ? `next ${called(column)}` : isPairs() ? `looks at ${token(column)}` : called(column);
    field("map-text").textContent = `At ${token(row)}, ${what}: ${number === number ? short(number) : "hidden, since it comes later"}.`;
  };

  // -- The numbers of one position -------------------------------------------------------------------------------------
  let order = []; // columns in the order of the cells
  const perRow = () => isNamed() ? Math.max(4, Math.floor(part("cells").clientWidth / 66)) : 8;
  const cells = () => Array.from(part("cells").querySelectorAll("[role=gridcell]"));
  const drawCells = () => {
    const tensor = tensors[now().name], numbers = engine.rowOf(tensor, headOf(tensor), chosen.row), most = largest(numbers);
    order = Array.from(numbers.keys()).filter((column) => numbers[column] === numbers[column]);
    if (WIDE[now().part]) order.sort((one, other) => numbers[other] - numbers[one] || one - other);
    const across = perRow(), grid = part("cells"), rows = [];
    grid.style.setProperty("--across", across);
    grid.classList.toggle("is-named", Boolean(isNamed()));
    order.forEach((column, place) => {
      if (place % across === 0) {
        rows.push(make("div", ""));
        rows[rows.length - 1].setAttribute("role", "row");
      }
      const cell = make("div", numbers[column] < 0 ? "is-down" : ""), name = WIDE[now().part] ? show(partsOf(column, vocabulary)) : isPairs() ? [text(ids[column])] : [];
      cell.setAttribute("role", "gridcell");
      cell.dataset.column = column;
      cell.style.setProperty("--share", `${(45 * strength(numbers[column], most)).toFixed(1)}%`);
      if (isNamed()) cell.append(make("span", "walk-token", ...name), " ");
      else cell.append(make("span", "unseen", `number ${column}: `));
      cell.append(short(numbers[column]));
      rows[rows.length - 1].append(cell);
    });
    grid.replaceChildren(...rows);
    markCell();
    const cell = grid.querySelector("[aria-selected=true]");
    grid.scrollTop = cell.offsetTop + cell.offsetHeight > grid.clientHeight ? cell.offsetTop - grid.clientHeight / 2 : 0;
  };
  const markCell = (focus = false) => {
    for (const cell of cells()) {
      const here = Number(cell.dataset.column) === chosen.column;
      cell.setAttribute("aria-selected", String(here));
      cell.tabIndex = here ? 0 : -1;
      if (here && focus) cell.focus();
    }
  };

  // -- What a number is made of ----------------------------------------------------------------------------------------
  const cell = (tag, scope, ...children) => {
    const made = make(tag, "", ...children);
    if (scope) made.scope = scope;
    return made;
  };
  // Headings of the terms' columns, by the kind of the sum; the last number of a term is what it adds.
  const HEADS = {
    products: ["", "input", "weight", "product"], norm: ["number", "stream", "square"], rotation: ["number", "before", "cosine or sine", "product"],
    softmax: ["token", "score", "exponential"], sum: ["", "number"], score: ["number", "query", "key", "product"],
    mixed: ["token", "weight", "value", "product"], gated: ["number", "input", "gate's weight", "product", "up's weight", "product"],
  };
  const TERMS = 40; // of a sum over the vocabulary
  const labelOf = (index, kind) => {
    const { part: name } = now();
    if (kind === "softmax") return name === "probabilities" ? `“${text(index)}”` : token(index);
    if (kind === "mixed") return token(index);
    if (kind === "sum") return [name === "attended" && chosen.block === 0 ? "embedding" : "the stream", name === "attended" ? "attention" : "feed-forward"][index];
    return name === "attention.output" ? `head ${Math.floor(index / config.dHead)}, ${index % config.dHead}` : String(index);
  };
  const wordsOf = (found) => {
    const { kind, value, terms } = found, is = `= ${fixed(value)}`;
    switch (kind) {
      case "lookup": return `It stands in the embedding matrix, in row ${ids[chosen.row]}, which belongs to “${text(ids[chosen.row])}”, at place ${chosen.column}: ${fixed(value)}.`;
      case "products": return `The sum of ${terms.length} products ${is}.`;
      case "norm": return `The squares sum to ${fixed(found.squares)}. Divided by ${config.dModel}, plus ε = ${config.epsilon}, under the root: ${fixed(found.root)}. Then ${fixed(found.x)} / ${fixed(found.root)} × the scale ${fixed(found.scale)} ${is}.`;
      case "rotation": return `Numbers ${terms[0][0]} and ${terms[1][0]} turn together, by ${fixed(found.frequency)} radians for each token before: after ${chosen.row}, ${fixed(found.angle)} radians. The sum of both products ${is}.`;
      case "score": return `The sum of ${terms.length} products = ${fixed(found.sum)}; divided by √${config.dHead} ${is}.`;
      case "softmax": return `The exponentials of the scores less the largest, ${fixed(found.largest)}, sum to ${fixed(found.sum)}. That of ${called(chosen.column)} is ${fixed(terms[chosen.column][2])}; divided by the sum ${is}.`.replaceAll("scores", now().part === "probabilities" ? "logits" : "scores");
      case "mixed": return `Each token's weight times number ${chosen.column} of its value; the sum ${is}.`;
      case "gated": return `The gate is the sum of ${terms.length} products, ${fixed(found.gate)}; SiLU makes ${fixed(found.gate)} / (1 + e^−gate) = ${fixed(found.open)} of it. What goes up is the other sum, ${fixed(found.up)}. Their product ${is}.`;
      default: return `${fixed(terms[0][1])} + ${fixed(terms[1][1])} ${is}.`;
    }
  };
  const drawSum = () => {
    const station = now(), found = engine.explain(model, tensors, station, chosen.head, chosen.row, chosen.column), { kind, terms } = found;
    const head = tensors[station.name].heads > 1 ? `, head ${headOf(tensors[station.name])}` : "";
    field("sum-label").textContent = `${titleOf(station)}${head}: ${called(chosen.column)} at ${token(chosen.row)}`;
    part("sentence").textContent = wordsOf(found);
    const [top, body, foot] = part("terms").children, heads = HEADS[kind], scroll = find("scroll");
    scroll.hidden = !terms.length;
    for (const section of [top, body, foot]) section.replaceChildren();
    box.dataset.value = found.value;
    if (!terms.length) return;
    const adds = (term) => term[term.length - 1], long = kind === "softmax" && station.part === "probabilities";
    const sorted = ["sum", "rotation"].includes(kind) ? terms : terms.slice().sort((one, other) => Math.abs(adds(other)) - Math.abs(adds(one)));
    const shown = long ? sorted.filter(([index], place) => place < TERMS || index === chosen.column) : sorted, first = kind === "products" ? (station.part === "attention.output" ? "mixed value" : "number") : heads[0];
    // Two sums side by side have no running one.
    const runs = terms.length > 2 && kind !== "gated", ends = (sum) => runs ? [cell("td", "", sum)] : [];
    const names = [first, ...heads.slice(1)].map((name) => long && name === "score" ? "logit" : name);
    top.append(make("tr", "", ...names.map((name) => cell("th", "col", name)), ...runs ? [cell("th", "col", "sum so far")] : []));
    let sum = 0;
    body.append(...shown.map((term) => {
      sum += adds(term);
      const [index, ...numbers] = term;
      return make("tr", kind === "softmax" && index === chosen.column ? "is-chosen" : "", cell("th", "row", labelOf(index, kind)),
        ...numbers.map((number) => cell("td", "", fixed(number))), ...ends(fixed(sum)));
    }));
    const all = terms.reduce((before, term) => before + adds(term), 0), blank = heads.slice(2).map(() => cell("td", ""));
    if (kind === "gated") blank[2].textContent = fixed(found.gate);
    if (terms.length > shown.length) body.append(make("tr", "", cell("th", "row", `the other ${(terms.length - shown.length).toLocaleString("en")}`), cell("td", ""), cell("td", "", fixed(all - sum)), cell("td", "", fixed(all))));
    foot.append(make("tr", "", cell("th", "row", "sum"), ...blank, cell("td", "", fixed(all)), ...ends("")));
    scroll.scrollTop = 0;
    if (scroll.scrollHeight > scroll.clientHeight + 1 || scroll.scrollWidth > scroll.clientWidth + 1) scroll.tabIndex = 0;
    else scroll.removeAttribute("tabindex");
  };

  // -- Showing ---------------------------------------------------------------------------------------------------------
  const shapeOf = ({ heads, rows, width }) => {
    const positions = `${rows} positions × ${isPairs() ? `${width} keys` : WIDE[now().part] ? `${width.toLocaleString("en")} tokens` : width}`;
    if (heads === 1) return positions;
    const shares = heads < config.nHeads ? `, which heads ${[...Array(config.nHeads / heads).keys()].map((i) => headOf({ heads }) * config.nHeads / heads + i).join(" and ")} share` : "";
    return `${heads} heads × ${positions}; here head ${headOf({ heads })}${shares}`;
  };
  const update = (tell = true) => {
    const station = now(), [, words] = STATIONS[station.part];
    if (station.block !== null) chosen.block = station.block;
    markDiagram();
    for (const option of part("tokens").children) {
      const here = Number(option.dataset.row) === chosen.row;
      option.setAttribute("aria-selected", String(here));
      option.tabIndex = here ? 0 : -1;
    }
    button("back").setAttribute("aria-disabled", String(chosen.step === 0));
    button("on").setAttribute("aria-disabled", String(chosen.step === stations.length - 1));
    part("step").textContent = `Station ${chosen.step + 1} of ${stations.length}`;
    field("title").textContent = titleOf(station);
    part("name").querySelector("code").textContent = station.name;
    part("words").textContent = words;
    part("from").replaceChildren(...station.sources.length ? ["Computed from "] : [], ...station.sources.map((name) => {
      const source = make("button", "", titleOf(stations.find((other) => other.name === name)));
      source.type = "button";
      source.dataset.source = name;
      return source;
    }));
    box.dataset.station = station.name;
    field("cells-label").textContent = isPairs() ? `Where ${token(chosen.row)}, looks` : WIDE[station.part] ? `What comes after ${token(chosen.row)}: the likeliest first` : `The numbers of ${token(chosen.row)}`;
    if (!tensors) return standBy();
    const tensor = tensors[station.name];
    // Heads matter inside attention, up to the output that joins them.
    field("head").disabled = tensor.heads === 1;
    part("shape").textContent = shapeOf(tensor);
    aim(tensor);
    drawCells();
    drawMap();
    drawSum();
    if (tell) speak(`${titleOf(station)}, at ${token(chosen.row)}. ${shapeOf(tensor)}. ${called(chosen.column)}: ${fixed(Number(box.dataset.value))}`);
  };
  // Until the weights are here: what is known without them, in the room that it will take.
  const standBy = () => {
    part("shape").textContent = chosen.step ? "" : shapeOf({ heads: 1, rows: ids.length, width: config.dModel });
    part("rows").replaceChildren(...ids.map((id) => make("span", "", text(id))));
    field("map-text").textContent = `At ${token(chosen.row)}: …`;
    field("sum-label").textContent = titleOf(now());
  };
  // Which number is looked at: where columns have names, the largest, as long as none was chosen.
  let picked = ""; // for which station and token the reader chose a number
  let place = 0; // the number that was chosen last where columns have no names
  const keyOf = (row) => `${now().part.replace(/logits|probabilities/, "wide")} ${row}`;
  const aim = (tensor) => {
    const key = keyOf(chosen.row), numbers = engine.rowOf(tensor, headOf(tensor), chosen.row);
    if (isNamed() && picked !== key) {
      let best = 0;
      numbers.forEach((number, column) => { if (number > numbers[best]) best = column; });
      chosen.column = best;
    } else chosen.column = isNamed() ? Math.min(chosen.column, isPairs() ? chosen.row : tensor.width - 1) : Math.min(place, tensor.width - 1);
    picked = key;
  };
  const pick = (column, focus) => {
    chosen.column = column;
    if (!isNamed()) place = column;
    markCell(focus);
    drawMap();
    drawSum();
    speak(`${called(column)}: ${fixed(Number(box.dataset.value))}`);
  };

  // -- Controls --------------------------------------------------------------------------------------------------------
  const go = (step) => {
    chosen.step = Math.min(stations.length - 1, Math.max(0, step));
    update();
  };
  const goTo = (name, block) => go(stations.findIndex((station) => station.part === name && (station.block === null || station.block === block)));
  const plain = (event) => !(event.altKey || event.ctrlKey || event.metaKey || event.shiftKey);
  const ALONG = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };
  part("diagram").addEventListener("keydown", (event) => {
    if (!ALONG[event.key] || !plain(event)) return;
    event.preventDefault();
    go(chosen.step + ALONG[event.key]);
    part("diagram").querySelector("[tabindex='0']").focus();
  });
  part("diagram").addEventListener("click", ({ target }) => {
    const option = target.closest("[role=option]");
    if (!option) return;
    goTo(option.dataset.part, chosen.block);
    option.focus();
  });
  const choose = (row, focus) => {
    chosen.row = Math.min(ids.length - 1, Math.max(0, row));
    update();
    if (focus) part("tokens").children[chosen.row].focus();
  };
  part("tokens").addEventListener("keydown", (event) => {
    if (!ALONG[event.key] || !plain(event)) return;
    event.preventDefault();
    choose(chosen.row + ALONG[event.key], true);
  });
  part("tokens").addEventListener("click", ({ target }) => {
    const option = target.closest("[role=option]");
    if (option) choose(Number(option.dataset.row), true);
  });
  part("cells").addEventListener("keydown", (event) => {
    if (!ALONG[event.key] || !plain(event) || !tensors) return;
    event.preventDefault();
    const by = /Up|Down/.test(event.key) ? ALONG[event.key] * perRow() : ALONG[event.key], place = order.indexOf(chosen.column) + by;
    if (Number.isFinite(by) && (place < 0 || place >= order.length)) return;
    pick(order[Math.min(order.length - 1, Math.max(0, place))], true);
  });
  part("cells").addEventListener("click", ({ target }) => {
    const found = target.closest("[role=gridcell]");
    if (found) pick(Number(found.dataset.column), true);
  });
  const under = (event) => {
    const { left, top, width, height } = part("picture").getBoundingClientRect(), tensor = tensors[now().name];
    const within = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    return [within((event.clientY - top) / height, tensor.rows), within((event.clientX - left) / width, tensor.width)];
  };
  part("picture").addEventListener("pointermove", (event) => { if (tensors) tellMap(...under(event)); });
  part("picture").addEventListener("pointerleave", () => { if (tensors) tellMap(chosen.row, chosen.column); });
  part("picture").addEventListener("click", (event) => {
    if (!tensors) return;
    const [row, column] = under(event);
    chosen.row = row;
    chosen.column = isPairs() ? Math.min(row, column) : column;
    if (!isNamed()) place = column;
    picked = keyOf(row);
    update();
  });
  box.addEventListener("click", ({ target }) => {
    const pressed = target.closest("button");
    if (!pressed || pressed.getAttribute("aria-disabled") === "true") return;
    if (pressed.dataset.act) go(chosen.step + (pressed.dataset.act === "on" ? 1 : -1));
    if (!pressed.dataset.source) return;
    go(stations.findIndex(({ name }) => name === pressed.dataset.source));
    part("diagram").querySelector("[tabindex='0']").focus({ preventScroll: true });
  });
  field("block").addEventListener("change", () => {
    chosen.block = Number(field("block").value);
    if (now().block === null) goTo("attention_norm", chosen.block);
    else goTo(now().part, chosen.block);
  });
  field("head").addEventListener("change", () => {
    chosen.head = Number(field("head").value);
    picked = "";
    update();
  });

  // -- Loading ---------------------------------------------------------------------------------------------------------
  const load = () => {
    if (box.dataset.state !== "waiting") return;
    box.dataset.state = "loading";
    WorldModelEngine.load().then((read) => {
      model = read;
      tensors = engine.record(model, ids);
      box.dataset.state = "ready";
      find("status").textContent = "";
      update(false);
    }).catch((error) => {
      box.dataset.state = "failed";
      find("status").textContent = error.message;
    });
  };
  part("tokens").append(...ids.map((id, row) => {
    const option = make("div", "", make("span", "unseen", `${row + 1}: `), ...show(partsOf(id, vocabulary)));
    option.setAttribute("role", "option");
    option.dataset.row = row;
    return option;
  }));
  for (let block = 0; block < config.nLayers; block++) field("block").append(new Option(block));
  for (let head = 0; head < config.nHeads; head++) field("head").append(new Option(head));
  drawDiagram();
  find("status").textContent = `Loading the model, ${WORLD_MODEL.megabytes} MB.`;
  update(false);
  const again = () => { if (tensors) drawMap(); };
  onWidth(part("cells"), () => { if (tensors) drawCells(); });
  new MutationObserver(again).observe(document.body, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  const near = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    near.disconnect();
    load();
  }, { rootMargin: "400px" });
  near.observe(box);
  box.addEventListener("focusin", load);
})();
