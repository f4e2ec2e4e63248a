// Small comforts. Everything on a page can be read and reached without them.
"use strict";
(() => {
  // Only what is wider than its box needs to take the focus; without a script, every such box takes it.
  const boxes = document.querySelectorAll("pre[tabindex], .formula[tabindex], .table-wrapper[tabindex]");
  const name = (box) => (box.matches("pre") ? "Code" : box.matches(".formula") ? "Formula" : "Table");
  const measure = () => {
    for (const box of boxes) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      for (const [key, value] of Object.entries({ tabindex: "0", role: "group", "aria-label": name(box) })) {
        if (scrolls) box.setAttribute(key, value);
        else box.removeAttribute(key);
      }
    }
  };
  new ResizeObserver(measure).observe(document.documentElement);
  document.fonts.ready.then(measure);

  // Escape closes the drawers of narrow screens.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const id of ["__navigation", "__toc"]) {
      const drawer = document.getElementById(id);
      if (drawer && drawer.checked) {
        drawer.checked = false;
        drawer.focus();
      }
    }
  });

  // On paper nothing can be unfolded: print with every solution open, and fold them again.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    opened = [];
  });
})();
