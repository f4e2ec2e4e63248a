// Filters the entries of the world by what their first lines say, and opens the one that an address names.
"use strict";

(() => {
  const entries = [...document.querySelectorAll(".world-browser > details")];
  const field = document.getElementById("world-filter");
  const count = document.getElementById("world-count");
  if (!field) return;

  const texts = entries.map((entry) => entry.firstElementChild.textContent.toLowerCase());

  function filter() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    entries.forEach((entry, place) => {
      entry.hidden = !words.every((word) => texts[place].includes(word));
      if (!entry.hidden) shown += 1;
    });
    count.textContent = words.length ? `${shown} of ${entries.length} entries` : "";
  }

  function open() {
    const entry = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!entries.includes(entry)) return;
    if (entry.hidden) {
      field.value = "";
      filter();
    }
    entry.open = true;
    entry.scrollIntoView();
  }

  field.closest("p").hidden = false;
  field.addEventListener("input", filter);
  window.addEventListener("hashchange", open);
  filter();
  open();
})();
