// The book's search: which pages a query finds, in which order, and where on each of them the words stand.
// Sphinx brings the box and the list of names; search-texts.js brings the terms of the glossary, and the text of every
// section, because a page in a folder cannot fetch another one. Loaded before Sphinx's script begins to search.
"use strict";
(() => {
  // What goes by several names: a query for one finds the others.
  const SAME = [
    ["bpe", "byte-pair encoding"],
    ["oov", "out of vocabulary", "unknown token", "unk"],
    ["end of text", "eos", "<|endoftext|>"],
    ["jailbreak", "prompt injection"],
    ["pretokenization", "pre-tokenization"],
    ["pretokenizer", "pre-tokenizer"],
    ["round trip", "lossless"],
    ["regular expression", "regex"],
    ["umlaut", "accent"],
    ["Σ", "∑", "sum"],
  ];
  const CHAPTER = /^(foundations|training|techniques|perspective)\//;
  const BACK = /^(api\/|reference\/(bibliography|changelog|contributing|solutions|reading-list|colophon)$)/;
  const SIGNS = /^reference\/(mathematics|notation)$/; // where a sign is explained
  const stemmer = new Stemmer();

  // British spellings as the book has them: tokenise, normalisation, behaviour.
  const american = (text) => text
    .replace(/(?<=\p{L}{4})is(?=(e[drs]?|ers|ing|ations?)(?!\p{L}))/giu, "iz")
    .replace(/(?<=(behavi|col|neighb|fav))our/giu, "or");

  const variants = (query) => {
    const asked = [...new Set([query, american(query)])];
    const lower = asked.map((text) => text.toLowerCase());
    const row = SAME.find((names) => names.some((name) => lower.includes(name.toLowerCase()))) || [];
    return [
      ...asked.map((text) => ({ text, weight: 1 })),
      ...row.filter((name) => !lower.includes(name.toLowerCase())).map((text) => ({ text, weight: 0.9 })),
    ].map(({ text, weight }) => {
      const isSign = !/[\p{L}\p{N}]{2}|^[a-z]$/iu.test(text); // one letter such as ü may stand within a word
      const phrase = _escapeRegExp(text).replace(/(\s|\\?-)+/g, "[\\s-]*");
      const before = !isSign && /^[\p{L}\p{N}]/u.test(text) ? "(?<![\\p{L}\\p{N}])" : "";
      const after = !isSign && /[\p{L}\p{N}]$/u.test(text) ? "s?(?![\\p{L}\\p{N}])" : "";
      const words = splitQuery(text.toLowerCase()).filter((word) => !stopwords.has(word));
      const start = (stem) => new RegExp(`(?<![\\p{L}\\p{N}])${_escapeRegExp(stem)}[\\p{L}\\p{N}]*`, "giu");
      return {
        text,
        weight,
        isSign,
        exact: new RegExp(before + phrase + after, isSign ? "gu" : "giu"),
        starts: isSign ? [] : [...new Set(words.map((word) => stemmer.stemWord(word)))].map(start),
      };
    });
  };

  const count = (text, pattern) => (text.match(pattern) || []).length;

  // A section that has the query as it was typed comes before one that has its words; a title counts most.
  const scoreFor = ({ exact, starts, weight }, [, title, text, signs]) => {
    const body = `${text} ${signs}`, inTitle = (title.match(exact) || [""])[0];
    const often = (sum) => Math.log2(1 + sum);
    if (inTitle) return weight * (50 + 50 * inTitle.length / title.length + often(count(body, exact)));
    const found = count(body, exact);
    if (found) return weight * (25 + 4 * often(found));
    const sums = starts.map((pattern) => 5 * count(title, pattern) + count(body, pattern));
    if (!sums.length || sums.includes(0)) return 0;
    return weight * (10 + 2 * often(Math.min(...sums)));
  };

  let asked = [], ranked = new Map();
  const score = (section) => Math.max(...asked.map((variant) => scoreFor(variant, section)));

  const findPages = () => {
    const { docnames, titles, filenames } = Search._index, results = [];
    docnames.forEach((name, i) => {
      const sections = SEARCH_TEXTS[name] || [];
      const hits = sections.map((section) => [score(section), section]).filter(([points]) => points > 0);
      hits.sort(([left], [right]) => right - left);
      let points = hits.length ? hits[0][0] + Math.log2(hits.length) : 0;
      // Words that stand in several sections of a page are a weak hit, but one.
      const whole = ["", "", sections.map((section) => section.slice(1).join(" ")).join(" "), ""];
      if (!points) points = score(whole) / 4;
      if (!points) return;
      ranked.set(name, hits);
      const isFirst = asked[0].isSign ? SIGNS : CHAPTER;
      const weight = isFirst.test(name) ? (asked[0].isSign ? 3 : 1.5) : BACK.test(name) ? 0.6 : 1;
      results.push([name, titles[i], "", null, points * weight, filenames[i], SearchResultKind.text]);
    });
    return results;
  };

  // Functions, classes and modules. Who types an underscore or a capital within a word looks for code.
  const findNames = (query) => {
    const name = query.replace(/\(.*/, "").trim(), lower = name.toLowerCase();
    if (!/^[\p{L}\p{N}_.]{2,}$/u.test(name)) return [];
    const looksLikeCode = /[_.]|\p{Ll}\p{Lu}/u.test(name);
    return Search.performObjectSearch(lower, new Set([lower])).map((result) => {
      const last = result[1].split(".").at(-1), isModule = result[2].startsWith("#module-");
      const same = last === name || result[1] === name, alike = last.toLowerCase() === lower;
      const points = same && looksLikeCode ? 140 : alike ? (looksLikeCode ? 100 : 58) : looksLikeCode ? 20 : 8;
      result[4] = points - (isModule ? 3 : 0);
      return result;
    });
  };

  // Terms of the glossary; "embed" is enough for "embedding".
  const findTerms = () => SEARCH_TERMS.map(([term, page, id]) => {
    const entry = term.toLowerCase();
    const points = asked.map(({ text, exact, starts, weight }) => {
      const begins = starts.length === 1 && entry.startsWith(text.toLowerCase()) ? text : "";
      const found = (entry.match(exact) || [begins])[0];
      return found.length * 3 >= entry.length && text.length > 1 ? weight * 150 * (found.length / entry.length) : 0;
    });
    return [page, term, `#${id}`, null, Math.max(...points), `${page}.md`, SearchResultKind.index];
  }).filter(([, , , , points]) => points > 0);

  Search._performSearch = (query) => {
    const typed = query.normalize("NFC").trim();
    asked = variants(typed);
    ranked = new Map();
    const pages = findPages(), terms = findTerms();
    const withTerm = new Set(terms.map(([page]) => page).filter((page) => page.endsWith("glossary")));
    const found = [...pages.filter(([page]) => !withTerm.has(page)), ...terms, ...findNames(typed)];
    return found.sort(_orderResultsByScoreThenName); // Sphinx shows the last one first
  };

  // -- A line of the text below each result ----------------------------------------------------------------------------
  const patterns = () => asked.flatMap(({ exact, starts }) => [exact, ...starts]);

  // The place from which a line of text shows the query, or most of its words.
  const bestPlace = (text) => {
    for (const { exact } of asked) {
      const whole = text.search(exact);
      if (whole >= 0) return whole;
    }
    const places = patterns().flatMap((pattern, word) => [...text.matchAll(pattern)].map(({ index }) => ({ index, word })));
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
    const any = new RegExp(patterns().map((pattern) => pattern.source).join("|"), "giu");
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
    const name = page.replace(/\.html$/, "");
    if (item.classList.contains("kind-object")) return; // Sphinx has described it
    const hits = ranked.get(name) || [];
    if (anchor) {
      const section = (SEARCH_TEXTS[name] || []).find(([id]) => id === anchor) || hits[0]?.[1]; // a term lies within one
      if (section) item.append(quote(section[2]));
      return;
    }
    for (const [, [id, title, text]] of hits.slice(0, 3)) {
      const hit = quote(text);
      const link = document.createElement("a");
      link.href = `${page}#${id}`;
      link.textContent = title;
      hit.classList.add("section-hit");
      hit.prepend(link);
      item.append(hit);
    }
  };

  const results = document.getElementById("search-results");
  if (!results) return;
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) if (node.nodeName === "LI") explain(node);
    }
  }).observe(results, { childList: true, subtree: true });
})();
