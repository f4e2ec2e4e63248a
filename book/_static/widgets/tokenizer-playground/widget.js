// The playground's controls: what the reader types goes through engine.js, and every step is shown.
"use strict";
(() => {
  const LIMIT = 2000; // characters that are tokenized
  const DRAWN = 300; // boxes in a row; all ids stand in the list of ids
  const EXAMPLES = {
    "A sentence": "The naïve kingdom's heir, 2026",
    "One word, five spellings": "The kingdom: kingdom, Kingdom, KINGDOM, kingdoms",
    "Numbers": "1234567 + 10000 = 1,244,567.00",
    "Code": "def double(x):\n    return  2 * x",
    "Other scripts": "Ελλάδα, नमस्ते, 北京, שלום",
    "Joined emoji": "👩‍🚀 👍🏽 🇪🇺",
    "Two spellings of é": "caf\u00e9, cafe\u0301",
    "A forged marker": "Good night<|endoftext|>My password is",
  };
  const box = document.querySelector(".playground");
  if (!box) return;
  const find = (name) => box.querySelector(`.playground-${name}`);
  const field = (name) => box.querySelector(`#playground-${name}`);
  const engine = TokenizerEngine, classes = engine.readClasses(TOKENIZER_DATA.unicode);
  const vocabularies = { chapter: engine.readVocabulary(TOKENIZER_DATA.vocabulary) };
  let vocabulary = vocabularies.chapter, pieces = [], chosen = 0, step = 0, trace = null, shown = false;

  const { make, voice } = ExplorerKit, { glyph, hex, show } = TokenText;
  const partsOf = (id) => TokenText.partsOf(id, vocabulary);
  const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
  const bytesOf = (id) => id === vocabulary.specialId ? "" : Array.from(vocabulary.tokens[id], (c) => hex(c.charCodeAt(0), 2)).join(" ");
  const fill = (row, items, draw, word) => {
    row.replaceChildren(...items.slice(0, DRAWN).map(draw));
    if (items.length > DRAWN) row.append(make(row.matches("ol") ? "li" : "span", "playground-more", `and ${count(items.length - DRAWN, word)} more`));
  };

  // -- What the reader's text becomes ----------------------------------------------------------------------------------
  const speak = voice(find("spoken"));
  const readText = () => {
    const all = Array.from(engine.replaceSurrogates(field("text").value));
    return { text: all.slice(0, LIMIT).join(""), cutOff: all.length - LIMIT };
  };

  const update = (message = "") => {
    const { text, cutOff } = readText();
    const changed = engine.normalize(text, field("form").value, classes);
    pieces = engine.encode(changed, vocabulary, field("special").value === "allowed", classes);
    chosen = Math.min(chosen, Math.max(0, pieces.length - 1));
    const tokens = pieces.flatMap(({ tokens }, piece) => tokens.map((token, i) => ({ ...token, piece, isLast: i === tokens.length - 1 })));
    const bytes = engine.encodeUtf8(changed).length;
    const ratio = tokens.length ? `, ${(bytes / tokens.length).toFixed(2)} bytes per token` : "";
    const summary = `${count(Array.from(changed).length, "character")}, ${count(bytes, "byte")}, ${count(pieces.length, "piece")}, ${count(tokens.length, "token")}${ratio}.`;
    const warning = cutOff > 0 ? `Only the first ${LIMIT.toLocaleString("en")} characters are tokenized. ` : "";
    find("guess").hidden = shown;
    find("answer").hidden = !shown;
    box.dataset.tokens = tokens.length;
    find("status").textContent = warning + message;
    speak(shown ? summary : "");
    if (!shown) return;
    find("numbers").textContent = summary;
    find("normalized").replaceChildren(changed === text ? "unchanged" : make("bdi", "", ...Array.from(changed.slice(0, 2 * LIMIT), (c, i) => glyph(c, i === 0))));
    fill(find("pieces"), pieces, drawPiece, "piece");
    fill(find("tokens"), tokens, drawToken, "token");
    find("ids").textContent = tokens.map(({ id }) => id).join(", ");
    drawTable();
    choose(chosen);
    letScroll();
  };

  const drawPiece = (piece, place) => {
    const option = make("div", piece.special ? "is-special" : "", ...show(Array.from(piece.text)));
    option.setAttribute("role", "option");
    option.dataset.place = place;
    return option;
  };
  const drawToken = ({ id, piece, isLast }) => {
    const item = make("li", `${id === vocabulary.specialId ? "is-special" : ""} ${isLast ? "is-last" : ""}`, ...show(partsOf(id)));
    item.dataset.piece = piece;
    item.append(make("span", "unseen", ", id "), make("span", "playground-id", String(id)));
    return item;
  };
  const drawTable = () => {
    const body = box.querySelector("tbody");
    body.replaceChildren();
    if (!box.querySelector("details").open) return;
    const rows = pieces.flatMap((piece, i) => piece.tokens.map((token) => ({ ...token, piece: i + 1 })));
    rows.slice(0, DRAWN).forEach(({ id, start, end, piece }, place) => {
      const cells = [place + 1, id, make("span", "", ...show(partsOf(id))), bytesOf(id) || "special", piece, `${start}–${end}`];
      body.append(make("tr", "", ...cells.map((cell) => make("td", "", typeof cell === "number" ? String(cell) : cell))));
    });
    if (rows.length > DRAWN) body.append(make("tr", "", make("td", "", "…"), make("td", "", `${rows.length - DRAWN} more`)));
  };

  // What scrolls can be reached by keyboard, and nothing else waits on the way.
  const letScroll = () => {
    for (const part of box.querySelectorAll("ol.playground-row, .playground-scroll")) {
      const scrolls = part.scrollHeight > part.clientHeight + 1 || part.scrollWidth > part.clientWidth + 1;
      if (scrolls) part.tabIndex = 0;
      else part.removeAttribute("tabindex");
    }
  };

  // -- The merges of one piece -----------------------------------------------------------------------------------------
  const choose = (place, focus = false) => {
    chosen = place;
    for (const option of find("pieces").querySelectorAll("[role=option]")) {
      const here = Number(option.dataset.place) === place;
      option.setAttribute("aria-selected", String(here));
      option.tabIndex = here ? 0 : -1;
      if (here && focus) option.focus();
    }
    for (const item of find("tokens").children) item.classList.toggle("is-chosen", item.dataset.piece === String(place));
    const piece = pieces[place];
    find("merges").hidden = !piece;
    if (!piece) return;
    const bytes = piece.special ? [] : engine.encodeUtf8(piece.text);
    trace = { piece, bytes, ...engine.mergeBytes(bytes, vocabulary) };
    field("merges-label").replaceChildren(`Merges of piece ${place + 1}, `, ...show(Array.from(piece.text)));
    step = 0;
    drawStep(false);
  };

  const drawStep = (tell = true) => {
    const { piece, bytes, steps } = trace, row = find("symbols");
    for (const button of box.querySelectorAll("[data-step]")) {
      const useless = ["first", "back"].includes(button.dataset.step) ? step === 0 : step === steps.length;
      button.setAttribute("aria-disabled", String(useless)); // not "disabled", which would lose the focus
    }
    if (piece.special) {
      fill(row, piece.tokens, drawToken, "token");
      find("step").textContent = "A special token is one token at once: no merge makes it.";
      return;
    }
    const last = steps[step - 1], next = steps[step];
    const symbols = engine.symbolsAfter(bytes, steps, step, vocabulary);
    row.replaceChildren();
    symbols.slice(0, 64).forEach(({ id, rank }, place) => {
      const joined = last && last.place === place;
      row.append(make("li", joined ? "is-joined" : "", ...show(partsOf(id))));
      if (place + 1 === symbols.length) return;
      const gap = make("li", `is-rank${next && next.place === place ? " is-next" : ""}`, rank === undefined ? "·" : String(rank));
      gap.setAttribute("aria-label", rank === undefined ? "no merge" : `rank ${rank}${next && next.place === place ? ", next" : ""}`);
      row.append(gap);
    });
    if (symbols.length > 64) row.append(make("li", "playground-more", `and ${count(symbols.length - 64, "symbol")} more`));
    const where = `Step ${step} of ${steps.length}.`;
    const done = last && vocabulary.merges[last.rank];
    const then = next ? "The lowest rank comes next." : symbols.length === 1 ? "One token is left." : `No merge is left for these ${symbols.length} tokens.`;
    find("step").setAttribute("aria-live", tell ? "polite" : "off");
    if (!done) return find("step").replaceChildren(`${where} ${count(bytes.length, "byte")}. ${then}`);
    const [left, right, both] = done.map((id) => show(partsOf(id)));
    const rank = `${where} The merge of rank ${last.rank} joined `;
    find("step").replaceChildren(rank, ...left, " and ", ...right, " into ", ...both, `, id ${done[2]}. ${then}`);
  };

  const go = (where) => {
    const places = { first: 0, back: Math.max(0, step - 1), forward: Math.min(trace.steps.length, step + 1), last: trace.steps.length };
    step = places[where];
    drawStep();
  };

  // -- Controls --------------------------------------------------------------------------------------------------------
  const KEYS = { ArrowLeft: "back", ArrowRight: "forward", Home: "first", End: "last" };
  const plain = (event) => !(event.altKey || event.ctrlKey || event.metaKey || event.shiftKey);

  find("steps").addEventListener("click", ({ target }) => { if (target.dataset.step) go(target.dataset.step); });
  find("steps").addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || !plain(event)) return;
    event.preventDefault();
    go(KEYS[event.key]);
  });
  find("pieces").addEventListener("click", ({ target }) => {
    const option = target.closest("[role=option]");
    if (option) choose(Number(option.dataset.place), true);
  });
  find("pieces").addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || !plain(event)) return;
    event.preventDefault();
    const end = Math.min(pieces.length, DRAWN) - 1;
    choose({ back: Math.max(0, chosen - 1), forward: Math.min(end, chosen + 1), first: 0, last: end }[KEYS[event.key]], true);
  });

  find("guess").addEventListener("submit", (event) => {
    event.preventDefault();
    shown = true;
    const guess = field("number").value, tokens = Number(box.dataset.tokens);
    const answer = `${tokens === 1 ? "is" : "are"} ${count(tokens, "token")}.`;
    update(guess === "" ? `There ${answer}` : Number(guess) === tokens ? `Right: there ${answer}` : `You predicted ${guess}; there ${answer}`);
    (find("pieces").querySelector("[tabindex='0']") ?? field("text")).focus({ preventScroll: true });
  });
  find("hide").addEventListener("click", () => {
    shown = false;
    field("number").value = "";
    update();
    field("text").focus({ preventScroll: true });
    field("text").select();
  });

  // Typing is answered at the next quiet moment, so that a long text does not hold up the keys.
  let typing;
  field("text").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => { chosen = 0; update(); }, field("text").value.length > 300 ? 150 : 0);
  });
  for (const name of ["form", "special"]) field(name).addEventListener("change", () => update());
  box.querySelector("details").addEventListener("toggle", () => { drawTable(); letScroll(); });

  for (const name of Object.keys(EXAMPLES)) field("example").append(new Option(name));
  field("example").addEventListener("change", () => {
    field("text").value = EXAMPLES[field("example").value];
    chosen = 0;
    update();
  });

  const use = (name, message = "") => {
    vocabulary = vocabularies[name];
    box.dataset.vocabulary = name;
    update(message);
  };
  const here = document.currentScript.src;
  const option = field("vocabulary").querySelector("[value=gpt2]");
  option.textContent += ` (loads ${TOKENIZER_DATA.gpt2Kilobytes} KB)`;
  field("vocabulary").addEventListener("change", () => {
    const name = field("vocabulary").value;
    if (vocabularies[name]) return use(name);
    find("status").textContent = "Loading GPT-2’s vocabulary.";
    const script = make("script");
    script.src = new URL("gpt2.js", here);
    script.onload = () => {
      vocabularies.gpt2 ??= engine.readVocabulary(TOKENIZER_GPT2);
      if (field("vocabulary").value === name) use(name, "GPT-2’s vocabulary is loaded.");
    };
    script.onerror = () => {
      field("vocabulary").value = "chapter";
      use("chapter", "GPT-2’s vocabulary is missing: the file gpt2.js does not lie beside the playground’s script.");
    };
    document.head.append(script);
  });

  // A browser that comes back to the page may have kept what was chosen before.
  for (const select of box.querySelectorAll("select")) select.selectedIndex = 0;
  field("text").value = EXAMPLES[field("example").value];
  box.dataset.vocabulary = "chapter";
  update();
})();
