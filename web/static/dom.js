import { translate } from "./translate.js";

const SVG = "http://www.w3.org/2000/svg";

// The key of a text that does not change goes into `data`, as `say` (or `sayTitle`, `sayAriaLabel`).
export function el(tag, { text, data, on, ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) attribute(node, name, value);
  Object.assign(node.dataset, data);
  for (const [event, listener] of Object.entries(on ?? {})) node.addEventListener(event, listener);
  translate(node);
  if (text !== undefined) node.textContent = text;
  node.append(...children);
  return node;
}

export function attribute(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}

export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  setIcon(svg, name);
  return svg;
}

export function setIcon(svg, name) {
  svg.firstChild.setAttribute("href", `#icon-${name}`);
}

// Writing an equal text would make a new text node, and lose a selection in the old one.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Writes the pieces of a text, those with an id as marks, those with an href as links. Equal pieces leave the nodes as
// they are.
export function setPieces(node, pieces) {
  const key = JSON.stringify(pieces);
  if (node.dataset.pieces === key) return;
  node.dataset.pieces = key;
  node.replaceChildren(...pieces.map(piece));
}

function piece({ text, id, href }) {
  if (href) return el("a", { text, href, target: "_blank", rel: "noopener noreferrer" });
  return id === undefined ? text : el("mark", { text });
}

const drawn = new WeakMap();

// Draws `items` as children of `parent`, and reuses the node of each key, so that focus and scrolling stay.
export function keyed(parent, items, { key, build, update }) {
  const before = drawn.get(parent) ?? new Map();
  const now = new Map(items.map((item) => [key(item), item]));
  for (const [id, node] of before) if (!now.has(id)) node.remove();
  let place = parent.firstChild;
  for (const [id, item] of now) {
    const node = before.get(id) ?? build(item);
    update(node, item);
    now.set(id, node);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
  drawn.set(parent, now);
}
