// Below each result of Sphinx's search: the sections where the words stand, with a line of their text.
// The texts come from search-texts.js, because a page in a folder cannot fetch another one.
"use strict";
(() => {
  const query = new URLSearchParams(location.search).get("q") || "";
  const stemmer = new Stemmer();
  const stems = [...new Set(splitQuery(query.toLowerCase()).map((word) => stemmer.stemWord(word)))];
  const results = document.getElementById("search-results");
  if (!stems.length || !results) return;

  // Sphinx's index holds stems, so a word of the text matches where it begins with one.
  const starts = stems.map((stem) => new RegExp(`(?<![\\p{L}\\p{N}])${_escapeRegExp(stem)}[\\p{L}\\p{N}]*`, "giu"));
  const count = (text, pattern) => (text.match(pattern) || []).length;

  const phrase = query.toLowerCase().trim();

  const score = ([, title, text]) => {
    let sum = `${title} ${text}`.toLowerCase().includes(phrase) ? 2000 : 0;
    for (const pattern of starts) {
      const found = 5 * count(title, pattern) + count(text, pattern);
      if (found) sum += 1000 + found; // a section with all the words comes before one that repeats a single one
    }
    return sum;
  };

  // The place from which a line of text shows most of the words.
  const bestPlace = (text) => {
    const whole = text.toLowerCase().indexOf(phrase);
    if (whole >= 0) return whole;
    const places = starts.flatMap((pattern, word) => [...text.matchAll(pattern)].map(({ index }) => ({ index, word })));
    const words = ({ index }) =>
      new Set(places.filter((place) => place.index >= index && place.index < index + 180).map(({ word }) => word)).size;
    places.sort((left, right) => words(right) - words(left) || left.index - right.index);
    return places.length ? places[0].index : 0;
  };

  const quote = (text) => {
    const paragraph = document.createElement("p");
    const from = Math.max(0, bestPlace(text) - 60);
    const begin = from ? text.indexOf(" ", from) + 1 : 0;
    const end = text.length > begin + 240 ? text.lastIndexOf(" ", begin + 240) : text.length;
    const excerpt = text.slice(begin, end);
    const any = new RegExp(starts.map((pattern) => pattern.source).join("|"), "giu");
    let last = 0;
    paragraph.append(begin ? "… " : "");
    for (const match of excerpt.matchAll(any)) {
      const mark = document.createElement("mark");
      mark.textContent = match[0];
      paragraph.append(excerpt.slice(last, match.index), mark);
      last = match.index + match[0].length;
    }
    paragraph.append(excerpt.slice(last), end < text.length ? " …" : "");
    return paragraph;
  };

  const explain = (item) => {
    const [page, anchor] = item.querySelector("a").getAttribute("href").split("#");
    const sections = SEARCH_TEXTS[page.replace(/\.html$/, "")] || [];
    if (item.classList.contains("kind-object")) return; // Sphinx has described it
    const best = sections.map((section) => [score(section), section]).filter(([points]) => points > 0);
    best.sort(([left], [right]) => right - left);
    if (anchor) {
      const section = sections.find(([id]) => id === anchor) || best[0]?.[1]; // a term lies within a section
      if (section) item.append(quote(section[2]));
      return;
    }
    for (const [, [id, title, text]] of best.slice(0, 3)) {
      const hit = quote(text);
      const link = document.createElement("a");
      link.href = `${page}#${id}`;
      link.textContent = title;
      hit.classList.add("section-hit");
      hit.prepend(link);
      item.append(hit);
    }
  };

  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) if (node.nodeName === "LI") explain(node);
    }
  }).observe(results, { childList: true, subtree: true });
})();
