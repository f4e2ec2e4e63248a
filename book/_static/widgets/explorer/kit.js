// What the explorers share: elements, numbers as text, axes, and a voice that waits for a pause.
"use strict";
const ExplorerKit = (() => {
  const make = (tag, name, ...children) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...children);
    return element;
  };

  const shape = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // Three significant digits, and all digits of a whole number.
  const format = (number) => {
    const size = Math.abs(number);
    const text = Number.isInteger(number) || size >= 1000
      ? Math.round(number).toLocaleString("en")
      : size && size < 0.001 ? number.toExponential(1) : String(Number(number.toPrecision(3)));
    return text.replace(/-/g, "−");
  };

  // A live region that is rewritten at every step of a slider would never stop talking.
  const voice = (region) => {
    let waiting;
    return (text) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => { region.textContent = text; }, 600);
    };
  };

  // The frame of a plot. Gives the two functions that place a value, and the element to draw in.
  const plot = (svg, { height, x, y, xTicks, yTicks, xLabel, yLabel }) => {
    const width = Math.max(260, svg.parentElement.clientWidth);
    const left = 52, right = width - 10, top = 24, bottom = height - 40;
    const across = (value) => left + (value - x[0]) / (x[1] - x[0]) * (right - left);
    const up = (value) => bottom - (value - y[0]) / (y[1] - y[0]) * (bottom - top);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    svg.replaceChildren(
      ...yTicks.map(({ at, text }) => shape("g", { class: "explorer-tick" },
        shape("line", { x1: left, x2: right, y1: up(at), y2: up(at) }),
        shape("text", { x: left - 6, y: up(at) + 4, "text-anchor": "end" }, text))),
      ...xTicks.map(({ at, text }) => shape("text", { x: across(at), y: bottom + 16, "text-anchor": "middle", class: "explorer-tick" }, text)),
      shape("line", { x1: left, x2: right, y1: bottom, y2: bottom, class: "explorer-axis" }),
      shape("text", { x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, xLabel),
      shape("text", { x: 4, y: 13 }, yLabel),
    );
    return { across, up, left, right, top, bottom, add: (...parts) => svg.append(...parts) };
  };

  // What a number field holds, or null with a mark on the field.
  const readNumber = (field) => {
    const valid = field.value !== "" && field.validity.valid;
    field.setAttribute("aria-invalid", String(!valid));
    return valid ? Number(field.value) : null;
  };

  // Draws again when the width changes, and only then.
  const onWidth = (element, draw) => {
    let width = element.clientWidth;
    new ResizeObserver(() => {
      if (element.clientWidth === width || !element.clientWidth) return;
      width = element.clientWidth;
      draw();
    }).observe(element);
  };

  return { format, make, onWidth, plot, readNumber, shape, voice };
})();
