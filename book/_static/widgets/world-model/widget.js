// The controls of the book's model: it continues the reader's text, and every step of the choice is shown.
"use strict";
(() => {
  const box = document.querySelector(".world-model");
  if (!box) return;
  const { make, onWidth, shape, voice } = ExplorerKit, { hex, partsOf, say, show } = TokenText, sampling = SamplingEngine;
  const ROWS = 10; // tokens in the table
  const TOP_K = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40, 50, 100, 200, null];
  const RULES = { temperature: "1.3", "top-k": "8", "top-p": "0.9", "min-p": "0.1" }; // at the beginning
  const find = (name) => box.querySelector(`.explorer-${name}`);
  const part = (name) => box.querySelector(`.model-${name}`);
  const field = (name) => box.querySelector(`#model-${name}`);
  const button = (act) => box.querySelector(`[data-act=${act}]`);
  const speak = voice(find("spoken"));
  const { config, stop, begin } = WORLD_MODEL;
  const classes = TokenizerEngine.readClasses(WORLD_MODEL.unicode), vocabulary = TokenizerEngine.readVocabulary(WORLD_MODEL.vocabulary);
  let text = null; // the text in the model, once its weights are here
  let ids = [], wrote = []; // all tokens; of those that the model wrote, which come last, how likely each was
  let next = null; // the distribution of the next token: its stages, what was thrown, and what it falls on
  let running = null;

  // -- Text and tokens -------------------------------------------------------------------------------------------------
  const encode = (typed) => {
    const pieces = TokenizerEngine.encode(TokenizerEngine.replaceSurrogates(typed), vocabulary, false, classes);
    return [...begin === null ? [] : [begin], ...pieces.flatMap(({ tokens }) => tokens.map(({ id }) => id))];
  };
  const decode = (tokens) => {
    const bytes = tokens.filter((id) => id !== vocabulary.specialId).flatMap((id) => Array.from(vocabulary.tokens[id], (c) => c.charCodeAt(0)));
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  };
  const parts = (id) => partsOf(id, vocabulary);
  const named = (id) => `“${say(parts(id))}”`;
  const percent = (share) => share >= 0.0995 ? `${Math.round(100 * share)} %` : share >= 0.0005 ? `${(100 * share).toFixed(1)} %` : "< 0.1 %";
  const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;

  // -- The rules -------------------------------------------------------------------------------------------------------
  const value = (name) => Number(field(name).value);
  const rules = () => ({
    temperature: value("temperature"), topK: TOP_K[value("top-k")],
    topP: value("top-p") < 1 ? value("top-p") : null, minP: value("min-p") > 0 ? value("min-p") : null,
  });
  const inWords = () => {
    const { temperature, topK, topP, minP } = rules();
    return {
      temperature: temperature === 0 ? "0, always the likeliest" : String(temperature), "top-k": topK === null ? "off" : String(topK),
      "top-p": topP === null ? "off" : String(topP), "min-p": minP === null ? "off" : String(minP),
    };
  };
  const setRules = (values) => {
    for (const [name, chosen] of Object.entries(values)) field(name).value = name === "top-k" ? TOP_K.indexOf(Number(chosen)) : chosen;
  };
  const labelRules = () => {
    for (const [name, words] of Object.entries(inWords())) {
      box.querySelector(`[for=model-${name}] .explorer-value`).textContent = words;
      field(name).setAttribute("aria-valuetext", words);
    }
  };
  let seed = 1;
  const readSeed = () => {
    const read = ExplorerKit.readNumber(field("seed"));
    if (read !== null) seed = read;
    return read !== null;
  };

  // -- The model -------------------------------------------------------------------------------------------------------
  const ended = () => wrote.length > 0 && stop.includes(ids[ids.length - 1]);
  const full = () => ids.length >= config.contextLength;
  const ready = () => text !== null && next !== null && !ended() && !full();

  const choose = (logits) => {
    const stages = sampling.stages(logits, rules()), thrown = sampling.uniform(seed, ids.length);
    next = { logits, stages, thrown, id: sampling.pick(stages[stages.length - 1].probabilities, thrown) };
  };
  const think = () => {
    next = null;
    if (text && ids.length && ids.length <= config.contextLength && !ended()) choose(text.logits(ids));
  };
  // What counts as likely is what the model said, before the rules.
  const append = (id) => {
    wrote.push(next.stages[0].probabilities[id]);
    ids.push(id);
    think();
  };

  // -- Showing ---------------------------------------------------------------------------------------------------------
  const problem = () => {
    if (!text) return box.dataset.state === "failed" ? find("status").textContent : `Loading the model, ${WORLD_MODEL.megabytes} MB.`;
    if (!ids.length) return "Type a text, or choose an example: the model needs a token to begin with.";
    if (ids.length > config.contextLength) return `The text has ${count(ids.length, "token")}, and the model reads ${config.contextLength} at the most: shorten it.`;
    if (ended()) return "The model ended its text.";
    return full() ? `The text is full: the model reads ${config.contextLength} tokens.` : "";
  };
  const update = (message = "", tell = "") => {
    labelRules();
    find("status").textContent = [message, problem()].filter(Boolean).join(" ");
    const able = { step: ready(), run: ready() || running, back: wrote.length > 0 && !running, restart: text !== null, rules: true };
    for (const [act, can] of Object.entries(able)) button(act).setAttribute("aria-disabled", String(!can)); // not "disabled", which would lose the focus
    button("run").textContent = running ? "Stop" : "Write on";
    box.dataset.wrote = wrote.length;
    drawTokens();
    if (running && atOnce()) return; // what nobody can read is not drawn
    drawTable();
    drawStrip();
    speak(tell);
  };

  let listed = []; // the tokens in the list
  const drawTokens = () => {
    const list = part("tokens"), first = ids.length - wrote.length;
    let same = 0;
    while (same < listed.length && same < ids.length && listed[same] === ids[same] + (same < first ? "" : " written")) same++;
    while (list.children.length > same) list.lastChild.remove();
    list.append(...ids.slice(same).map((id, i) => {
      const written = same + i >= first, item = make("li", written ? "is-written" : "", ...show(parts(id)));
      if (written) item.append(make("span", "model-share", percent(wrote[same + i - first])));
      return item;
    }));
    listed = ids.map((id, place) => id + (place < first ? "" : " written"));
    list.scrollTop = list.scrollHeight;
    if (list.scrollHeight > list.clientHeight + 1) list.tabIndex = 0;
    else list.removeAttribute("tabindex");
  };

  const STAGES = [["model", "model"], ["temp.", "temperature"], ["top-k", "top-k"], ["top-p", "top-p"], ["min-p", "min-p"]];
  const cell = (tag, scope, ...children) => {
    const made = make(tag, "", ...children);
    if (scope) made.scope = scope;
    return made;
  };
  const shareCell = (share, kept) => {
    if (!kept) return cell("td", "", make("span", "model-removed", "–"), make("span", "unseen", "removed"));
    const bar = make("span", "model-bar");
    bar.style.width = `${(100 * share).toFixed(1)}%`;
    return cell("td", "", percent(share), bar);
  };
  const drawTable = () => {
    const [head, body, foot] = box.querySelectorAll(".model-table > *"), words = inWords();
    const focused = Array.from(body.querySelectorAll("button")).indexOf(document.activeElement);
    head.replaceChildren(make("tr", "", cell("th", "col", "continue with"), ...STAGES.map(([short, name], i) => {
      const full = cell("th", "col", make("span", "", short), make("span", "model-setting", i ? words[name].split(",")[0] : ""));
      if (short !== name) full.setAttribute("aria-label", `${name} ${words[name]}`);
      return full;
    })));
    body.replaceChildren();
    foot.replaceChildren();
    part("next").classList.toggle("is-empty", !next);
    if (!next) return;
    const { stages, id: drawn } = next, order = sampling.ranked(stages[0].probabilities), rows = order.slice(0, ROWS);
    if (!rows.includes(drawn)) rows.push(drawn);
    rows.forEach((id, place) => {
      const choice = make("button", "", ...show(parts(id)));
      choice.type = "button";
      choice.dataset.id = id;
      choice.tabIndex = place === Math.max(0, Math.min(focused, rows.length - 1)) ? 0 : -1;
      choice.setAttribute("aria-label", `Continue with ${say(parts(id))}${id === drawn ? ", which is drawn" : ""}`);
      const row = make("tr", id === drawn ? "is-drawn" : "", cell("th", "row", make("span", "model-mark", id === drawn ? "▸" : ""), choice));
      row.append(...stages.map(({ logits, probabilities }) => shareCell(probabilities[id], logits[id] > -Infinity)));
      body.append(row);
    });
    const sum = (probabilities) => 1 - rows.reduce((total, id) => total + probabilities[id], 0);
    body.append(make("tr", "model-others", cell("th", "row", "all others"), ...stages.map(({ probabilities, kept }) => {
      const seen = rows.filter((id) => probabilities[id] > 0).length;
      return shareCell(Math.max(0, sum(probabilities)), kept > seen);
    })));
    foot.append(make("tr", "", cell("th", "row", "tokens kept"), ...stages.map(({ kept }) => cell("td", "", kept.toLocaleString("en")))));
    if (focused >= 0) body.querySelector("[tabindex='0']").focus({ preventScroll: true });
  };

  // The tokens that are left, end to end, and where the thrown number falls.
  const drawStrip = () => {
    const svg = part("strip"), words = field("draw");
    svg.replaceChildren();
    words.textContent = "";
    if (!next) return;
    const { stages, thrown, id: drawn } = next, { probabilities } = stages[stages.length - 1];
    const width = Math.max(240, svg.parentElement.clientWidth), top = 14, height = 30;
    svg.setAttribute("viewBox", `0 0 ${width} ${top + height + 2}`);
    svg.style.height = `${top + height + 2}px`;
    let start = 0;
    for (const id of sampling.ranked(probabilities)) {
      const size = probabilities[id] * (width - 2);
      if (size < 0.5) break;
      svg.append(shape("rect", { class: id === drawn ? "model-segment is-drawn" : "model-segment", x: 1 + start, y: top, width: size, height }));
      const label = parts(id).map((each) => typeof each === "number" ? hex(each, 2) : each === " " ? "␣" : each).join("");
      if (size > 9 * label.length + 6) svg.append(shape("text", { x: 1 + start + size / 2, y: top + 20, "text-anchor": "middle" }, label));
      start += size;
    }
    if (rules().temperature === 0) {
      return words.append("At temperature 0 nothing is thrown: ", ...show(parts(drawn)), " is the most likely token.");
    }
    const at = 1 + thrown * (width - 2);
    svg.append(shape("path", { class: "model-throw", d: `M ${at - 6} 1 h 12 l -6 10 z M ${at} 10 V ${top + height}` }));
    words.append(`The tokens that are left lie end to end. Seed ${seed} throws ${thrown.toFixed(3)} at token ${ids.length + 1}, which falls on `, ...show(parts(drawn)), ": it is drawn.");
  };

  // -- Writing ---------------------------------------------------------------------------------------------------------
  const write = (id) => {
    const share = percent(next.stages[0].probabilities[id]);
    append(id);
    field("text").value = decode(ids.slice(begin === null ? 0 : 1));
    const then = next ? ` The next would be ${named(next.id)}.` : "";
    update("", `Added ${named(id)}, ${share}.${ended() ? "" : then}`);
  };
  const halt = () => {
    if (!running) return;
    clearTimeout(running.timer);
    cancelAnimationFrame(running.frame);
    const { tokens, start } = running;
    running = null;
    const last = decode(ids.slice(start));
    update("", `Wrote ${count(tokens, "token")}: ${last}`);
  };
  const atOnce = () => field("pace").value === "fast";
  // Computing gets as much time as drawing takes, and no less than most of a frame.
  const tick = () => {
    const begun = performance.now(), end = begun + Math.min(200, Math.max(12, begun - (running.drawn ?? begun)));
    do {
      append(next.id);
      running.tokens++;
    } while (atOnce() && ready() && performance.now() < end);
    running.drawn = performance.now();
    running.spent += running.drawn - begun;
    const speed = 1000 * running.tokens / running.spent;
    box.dataset.speed = speed.toFixed(1);
    part("speed").textContent = `${count(running.tokens, "token")}, computed at ${Math.round(speed).toLocaleString("en")} tokens a second.`;
    field("text").value = decode(ids.slice(begin === null ? 0 : 1));
    field("text").scrollTop = field("text").scrollHeight;
    if (!ready()) return halt();
    update();
    if (atOnce()) running.frame = requestAnimationFrame(tick);
    else running.timer = setTimeout(tick, 200);
  };
  const setText = (typed) => {
    halt();
    ids = encode(typed);
    wrote = [];
    think();
  };

  const ACTS = {
    step: () => write(next.id),
    run: () => {
      if (running) return halt();
      running = { tokens: 0, spent: 0, start: ids.length };
      tick();
    },
    back: () => {
      const id = ids.pop();
      wrote.pop();
      think();
      field("text").value = decode(ids.slice(begin === null ? 0 : 1));
      update("", `Took ${named(id)} back.`);
    },
    restart: () => {
      field("text").value = WORLD_MODEL.examples[field("example").value];
      part("speed").textContent = "";
      setText(field("text").value);
      update("", "The example stands as at the beginning.");
    },
    rules: () => {
      setRules(RULES);
      rulesChanged();
    },
  };
  box.addEventListener("click", ({ target }) => {
    settle();
    const pressed = target.closest("button");
    if (!pressed || pressed.getAttribute("aria-disabled") === "true") return;
    if (pressed.dataset.act) ACTS[pressed.dataset.act]();
    else if (pressed.dataset.id && ready() && !running) write(Number(pressed.dataset.id));
  });
  box.addEventListener("keydown", (event) => { if (event.key === "Escape") halt(); });
  const MOVES = { ArrowUp: (at) => at - 1, ArrowDown: (at) => at + 1, Home: () => 0, End: (_, last) => last };
  part("table").addEventListener("keydown", (event) => {
    if (!MOVES[event.key] || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const choices = Array.from(part("table").querySelectorAll("button")), at = choices.indexOf(document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    const to = Math.min(choices.length - 1, Math.max(0, MOVES[event.key](at, choices.length - 1)));
    choices.forEach((choice, place) => { choice.tabIndex = place === to ? 0 : -1; });
    choices[to].focus();
  });

  // Typing is answered at the next quiet moment; whoever writes on before that waits for the answer.
  let typing = null;
  const settle = () => {
    if (typing === null) return;
    clearTimeout(typing);
    typing = null;
    setText(field("text").value);
    update("", next ? `${count(ids.length, "token")}. The next would be ${named(next.id)}.` : "");
  };
  field("text").addEventListener("input", () => {
    clearTimeout(typing);
    halt();
    typing = setTimeout(settle, field("text").value.length > 300 ? 150 : 0);
  });
  field("text").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.ctrlKey || running) return;
    event.preventDefault();
    settle();
    if (ready()) write(next.id);
  });
  const rulesChanged = () => {
    const valid = readSeed();
    if (next) choose(next.logits);
    update(valid ? "" : "The seed is a whole number from 0 to 999,999.", next ? `${count(next.stages[4].kept, "token")} kept, the next would be ${named(next.id)}.` : "");
  };
  for (const name of [...Object.keys(RULES), "seed"]) field(name).addEventListener("input", rulesChanged);
  field("example").addEventListener("change", ACTS.restart);

  // -- Loading ---------------------------------------------------------------------------------------------------------
  const begun = (model) => {
    text = WorldModelEngine.open(model);
    box.dataset.state = "ready";
    setText(field("text").value);
    update();
  };
  const fail = (error) => {
    box.dataset.state = "failed";
    find("status").textContent = error.message;
  };
  const load = () => {
    if (box.dataset.state !== "waiting") return;
    box.dataset.state = "loading";
    WorldModelEngine.load().then(begun).catch(fail);
  };

  for (const name of Object.keys(WORLD_MODEL.examples)) field("example").append(new Option(name));
  // A browser that comes back to the page may have kept what was chosen before.
  for (const select of box.querySelectorAll("select")) select.selectedIndex = 0;
  Object.assign(field("top-k"), { min: 0, max: TOP_K.length - 1, step: 1 });
  field("seed").value = seed;
  field("text").value = WORLD_MODEL.examples[field("example").value];
  setRules(RULES);
  ids = encode(field("text").value);
  update();
  onWidth(part("next"), drawStrip);
  // The weights are large: they are loaded when the reader comes near, or reaches for a control.
  const near = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    near.disconnect();
    load();
  }, { rootMargin: "400px" });
  near.observe(box);
  box.addEventListener("focusin", load);
})();
