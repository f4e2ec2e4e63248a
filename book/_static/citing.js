// "Cite" beside a heading opens a dialog with the section's citation. Without this script it is a plain link to the page
// on citing the book, and stays one where a browser knows no <dialog>.
(() => {
  "use strict";
  const data = document.getElementById("citations");
  if (!data || !("HTMLDialogElement" in window)) return;
  const citations = JSON.parse(data.textContent);

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  const copy = async (text, field) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // A page opened from a folder may have no clipboard: select the text and ask the browser to copy it.
      const range = document.createRange();
      range.selectNodeContents(field);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      return document.execCommand("copy");
    }
  };

  const heading = make("h2", { id: "cite-heading" });
  const status = make("p", { class: "cite-status", role: "status", "aria-live": "polite" });
  const fields = {};
  const parts = [];
  for (const [key, name] of [["text", "Text"], ["bibtex", "BibTeX"]]) {
    const field = make(key === "text" ? "p" : "pre", { class: "cite-field" });
    const button = make("button", { type: "button" }, `Copy ${name === "Text" ? "text" : name}`);
    button.addEventListener("click", async () => {
      const done = await copy(field.textContent, field);
      status.textContent = done ? `${name} copied.` : `${name} is selected: press Ctrl+C or ⌘C to copy it.`;
    });
    fields[key] = field;
    parts.push(make("h3", {}, name), field, button);
  }
  const help = make("a", { href: "" }, "How to cite this book");
  const close = make("form", { method: "dialog" }, make("button", {}, "Close"));
  const dialog = make("dialog", { class: "cite-dialog", "aria-labelledby": "cite-heading" },
    heading, ...parts, status, make("p", {}, help), close);
  document.body.append(dialog);
  // A click beside the dialog closes it, as Escape does.
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  // Sphinx takes Escape for itself, to unmark the words of a search; while the dialog is open it is ours.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !dialog.open) return;
    event.stopPropagation();
    event.preventDefault();
    dialog.close();
  }, { capture: true });

  for (const link of document.querySelectorAll("a.cite-link")) {
    const citation = citations[link.dataset.cite];
    const button = make("button", {
      type: "button", class: "cite-link", "aria-haspopup": "dialog", "aria-label": link.getAttribute("aria-label"),
    }, link.textContent);
    button.addEventListener("click", () => {
      heading.textContent = `Cite ${citation.heading}`;
      fields.text.textContent = citation.text;
      fields.bibtex.textContent = citation.bibtex;
      help.href = link.href;
      status.textContent = "";
      dialog.showModal(); // holds the focus inside, and gives it back to the button when it closes
    });
    link.replaceWith(button);
  }
})();
