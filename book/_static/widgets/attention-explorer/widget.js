// The controls of the attention explorer: which head, which token, and where it looks.
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
  ];
  let asked = 0, chosen = QUESTIONS[0].query, drawn = chosen, shown = false;

  // -- What is chosen --------------------------------------------------------------------------------------------------
  const now = () => {
    const name = field("text").value;
    return { name, tokens: texts[name].tokens, row: texts[name].row, layer: Number(field("layer").value), head: Number(field("head").value) };
  };
  const percent = (weight) => `${Math.round(100 * weight)} %`;
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
    if (!shown) return speak("");
    find("numbers").textContent = summary(chosen);
    speak(message ? "" : summary(chosen));
    drawRow(chosen);
    drawMap(chosen);
    drawTable();
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

  const drawTable = () => {
    const [head, body] = box.querySelectorAll("thead, tbody");
    head.replaceChildren();
    body.replaceChildren();
    if (!box.querySelector("details").open) return;
    const { tokens, row, layer, head: number } = now();
    const cell = (tag, scope, text) => {
      const made = make(tag, "", text);
      if (scope) made.scope = scope;
      return made;
    };
    head.append(make("tr", "", cell("th", "col", "query"), ...tokens.map((token) => cell("th", "col", token.trim()))));
    tokens.forEach((token, query) => {
      const weights = row(layer, number, query);
      body.append(make("tr", "", cell("th", "row", `${query + 1} ${token.trim()}`),
        ...tokens.map((_, key) => cell("td", "", key <= query ? (100 * weights[key]).toFixed(1) : ""))));
    });
    const scroll = find("scroll");
    if (scroll.scrollHeight > scroll.clientHeight + 1 || scroll.scrollWidth > scroll.clientWidth + 1) scroll.tabIndex = 0;
    else scroll.removeAttribute("tabindex");
  };

  // -- Controls --------------------------------------------------------------------------------------------------------
  const choose = (place, focus) => {
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

  field("text").addEventListener("change", () => { spell(); update(); });
  for (const name of ["layer", "head"]) field(name).addEventListener("input", () => update());
  box.querySelector("details").addEventListener("toggle", drawTable);

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
    shown = false;
    spell();
    update();
  };
  find("hide").addEventListener("click", () => {
    asked = (asked + 1) % QUESTIONS.length;
    field("guess").value = "";
    ask(QUESTIONS[asked]);
    field("guess").focus({ preventScroll: true });
  });

  onWidth(find("answer"), () => { if (shown) drawMap(chosen); });
  ask(QUESTIONS[0]);
})();
