// The controls of the calculator: every number comes from engine.js, every model from data.js.
"use strict";
(() => {
  const box = document.querySelector(".transformer-calculator");
  if (!box) return;
  const { make, onWidth, readNumber, voice } = ExplorerKit, engine = CalculatorEngine;
  const find = (name) => box.querySelector(`.explorer-${name}`);
  const part = (name) => box.querySelector(`.calculator-${name}`);
  const field = (name) => box.querySelector(`#calculator-${name}`);
  const speak = voice(find("spoken"));
  const SETTINGS = Object.keys(CALCULATOR_PRESETS[0].settings), WORDS = ["norm", "placement", "head", "attention"];
  const OWN = "your own", FIRST = "mixtral-8x7b";
  const labelOf = (name) => field(name).labels[0].textContent;
  let last = "";

  // -- Numbers as text -------------------------------------------------------------------------------------------------
  const exact = (count) => count.toLocaleString("en");
  const short = (count, base, names) => {
    let size = Number(count), place = 0;
    while (size >= base * 0.9995 && place < names.length - 1) { size /= base; place += 1; }
    return `${place ? Number(size.toPrecision(3)) : exact(count)}${names[place]}`;
  };
  const inWords = (count) => short(count, 1000, ["", " thousand", " million", " billion", " trillion", " quadrillion"]);
  const inBytes = (count) => short(count, 1024, [" bytes", " KiB", " MiB", " GiB", " TiB", " PiB"]);

  // -- What is chosen --------------------------------------------------------------------------------------------------
  const fill = (settings) => {
    for (const name of SETTINGS) field(name).value = String(settings[name]);
  };
  const chosen = () => CALCULATOR_PRESETS.find((preset) => preset.key === field("preset").value);

  const RULES = [
    [(s) => s.heads % s.kvHeads === 0, "The heads must be a multiple of the heads of keys and values."],
    [(s) => !s.stateLayers || s.stateHeads % s.stateGroups === 0, "The heads of the state must be a multiple of their groups."],
    [(s) => !s.stateLayers || !s.bidirectional, "A state never sees what comes later, so the model cannot see both sides."],
    [(s) => s.learned || s.buckets % 4 === 0, "The buckets must be a multiple of 4: two directions, and in each near and far."],
    [(s) => !s.encoderLayers || !(s.bidirectional || s.tokenTypes), "Behind an encoder, a decoder sees one side and knows no kinds of token."],
    [(s) => s.stateLayers <= s.layers, "There are not so many blocks that could have a state."],
    [(s) => !s.experts || s.active <= s.experts, "No more experts can be at work than there are."],
    [(s) => !s.experts || s.denseLayers <= s.layers, "There are not so many blocks that could go without experts."],
    [(s) => !s.encoderLayers || ["tied", "linear"].includes(s.head), "Behind an encoder, logits come from the embedding or from a matrix."],
  ];

  const read = () => {
    const settings = {}, wrong = [];
    const number = (name) => {
      const element = field(name), value = readNumber(element);
      if (value !== null) return value;
      wrong.push(`${labelOf(name)}: a whole number from ${exact(Number(element.min))} to ${exact(Number(element.max))}.`);
      return null;
    };
    for (const name of SETTINGS) {
      const element = field(name);
      settings[name] = WORDS.includes(name) ? element.value : element.tagName === "SELECT" ? Number(element.value) : number(name);
    }
    const prompt = number("prompt"), batch = number("batch");
    if (!wrong.length) wrong.push(...RULES.filter(([holds]) => !holds(settings)).map(([, text]) => text));
    return { settings, prompt, batch, wrong };
  };

  // Fields of parts that the model does not have are out of the way; hidden ones keep their values.
  const PARTS = {
    kvHeads: (s) => s.attention === "attention" || s.encoderLayers, dHead: (s) => s.attention === "attention" || s.encoderLayers,
    qkNorm: (s) => s.attention === "attention" || s.encoderLayers, bias: (s) => s.attention === "attention" || s.encoderLayers,
    outputBias: (s) => s.attention === "attention" || s.encoderLayers,
    ...Object.fromEntries(["dNope", "dRope", "dValue", "kvRank", "queryRank"].map((name) => [name, (s) => s.attention === "latent"])),
    ...Object.fromEntries(["stateHeads", "dStateHead", "dState", "stateGroups", "conv", "convBias", "stateBias", "chunk"].map((name) => [name, (s) => s.stateLayers > 0])),
    ...Object.fromEntries(["active", "dExpert", "dShared", "denseLayers"].map((name) => [name, (s) => s.experts > 0])),
    dHidden: (s) => !s.experts || s.denseLayers > 0 || s.encoderLayers > 0,
    buckets: (s) => !s.learned,
  };
  const arrange = (settings) => {
    for (const [name, has] of Object.entries(PARTS)) field(name).closest("p").hidden = !has(settings);
  };

  // -- The tables ------------------------------------------------------------------------------------------------------
  const row = (name, cells, isTotal) => {
    const head = make("th", "", name);
    head.scope = "row";
    return make("tr", isTotal ? "calculator-total" : "", head, ...cells.map((cell) => make("td", "", cell)));
  };
  const both = (count, words) => count < 1000n ? exact(count) : `${exact(count)} (${words(count)})`;
  const NAMES = { embedding: "embedding", attention: "attention", feedforward: "feed-forward", norms: "norms", head: "head", projections: "projections" };
  const table = (name, columns, words) => {
    const parts = Object.keys(columns[0]);
    part(name).tBodies[0].replaceChildren(
      ...parts.map((key) => row(NAMES[key], columns.map((column) => column ? both(column[key], words) : "–"))),
      row("together", columns.map((column) => column ? both(engine.sum(column), words) : "–"), true));
  };

  const relation = { exact: "exactly what is published", rounded: "what is published, rounded", "cut off": "what is published, with the digits behind dropped", differs: "not what is published" };
  const compare = (count, figure) => `${inWords(BigInt(figure[0]))}: the configuration gives ${relation[engine.agreement(count, figure)]}`;

  const show = ({ settings, prompt, batch }) => {
    const every = engine.parameters(settings), active = engine.activeParameters(settings);
    const count = engine.sum(every), working = engine.sum(active), preset = chosen();
    const writes = !settings.bidirectional && settings.head !== "none";
    const bits = Number(field("format").value), each = Number(field("cacheFormat").value);
    const weights = engine.weightBytes(settings, bits);
    const kept = writes ? engine.cacheBytes(settings, batch, prompt, each) : 0n;
    table("parameters", [every, active], inWords);
    table("flops", [engine.promptFlops(settings, batch, prompt), writes ? engine.tokenFlops(settings, batch, prompt) : null], inWords);
    const training = ["float32", "mixed"].map((precision) => [precision, engine.trainingBytes(settings, precision)]);
    const memory = (name, taken, isTotal) => row(name, [exact(taken), inBytes(taken)], isTotal);
    part("memory").tBodies[0].replaceChildren(
      memory(`weights, ${field("format").selectedOptions[0].textContent}`, weights),
      memory(writes ? `what is kept of ${exact(batch * prompt)} tokens` : "what is kept: nothing, as all positions are read at once", kept),
      memory("to run, together", weights + kept, true),
      ...training.flatMap(([precision, parts]) => [
        ...Object.entries(parts).filter(([, taken]) => taken).map(([name, taken]) =>
          memory(`${{ weights: "weights", gradients: "gradients", moments: "Adam’s two averages", copy: "copy of the weights in float32" }[name]}, ${precision === "mixed" ? "mixed precision" : precision}`, taken)),
        memory(`to learn in ${precision === "mixed" ? "mixed precision" : precision}, without activations`, engine.sum(parts), true),
      ]));
    const summary = `${exact(count)} parameters${working === count ? "" : `, of which ${exact(working)} work for one token`}.`;
    const published = preset
      ? ` Published are ${compare(count, preset.published)}${preset.active ? `; at work ${compare(working, preset.active)}` : ""}. ${preset.note}` : "";
    const tooFar = settings.learned && prompt > settings.learned ? ` The prompt is longer than the ${exact(settings.learned)} positions that the model has learned.` : "";
    part("summary").textContent = summary + published.trimEnd() + tooFar;
    for (const scroll of box.querySelectorAll(".calculator-scroll")) {
      if (scroll.scrollWidth > scroll.clientWidth + 1 || scroll.scrollHeight > scroll.clientHeight + 1) scroll.tabIndex = 0;
      else scroll.removeAttribute("tabindex");
    }
    return `${inWords(count)} parameters${working === count ? "" : `, ${inWords(working)} at work for a token`}; ${inBytes(weights + kept)} to run.`;
  };

  const settle = () => {
    const now = read();
    if (now.wrong.length) {
      find("status").textContent = `${now.wrong.join(" ")} The last valid counts stay.`;
      return;
    }
    find("status").textContent = "";
    arrange(now.settings);
    const said = show(now);
    if (said !== last) speak(said);
    last = said;
  };

  // -- Controls --------------------------------------------------------------------------------------------------------
  field("preset").append(...CALCULATOR_PRESETS.map((preset) => {
    const option = make("option", "", preset.name);
    option.value = preset.key;
    return option;
  }), (() => {
    const option = make("option", "", OWN);
    option.value = "";
    return option;
  })());
  field("preset").addEventListener("change", () => {
    if (chosen()) fill(chosen().settings);
    settle();
  });
  for (const name of SETTINGS) {
    field(name).addEventListener("input", () => {
      field("preset").value = "";
      settle();
    });
  }
  for (const name of ["prompt", "batch", "format", "cacheFormat"]) field(name).addEventListener("input", settle);

  // A browser that comes back to the page may have kept what was chosen before.
  for (const select of box.querySelectorAll("select")) select.value = (select.querySelector("[selected]") ?? select.options[0]).value;
  for (const input of box.querySelectorAll("input")) input.value = input.defaultValue;
  field("preset").value = FIRST;
  fill(chosen().settings);
  onWidth(box, settle);
  settle();
})();
