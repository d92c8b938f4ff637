// Text that is put into the page once, in index.html or by a script. Its node names the key, so that the language can
// change at any time: data-say is the key of the text, data-say-title (and so on) that of an attribute.

import { say } from "./words.js";

const ATTRIBUTES = { sayAriaLabel: "aria-label", sayPlaceholder: "placeholder", sayTitle: "title" };
const MARKED = "[data-say], [data-say-aria-label], [data-say-placeholder], [data-say-title]";

const valuesOf = new WeakMap();

// Writes the text of a key into a node.
export function write(node, key, values) {
  node.dataset.say = key;
  valuesOf.set(node, values);
  translate(node);
}

export function erase(node) {
  delete node.dataset.say;
  node.textContent = "";
}

export function translate(node) {
  const { dataset } = node;
  if (dataset.say) node.textContent = say(dataset.say, valuesOf.get(node));
  for (const [name, attribute] of Object.entries(ATTRIBUTES)) {
    if (dataset[name]) node.setAttribute(attribute, say(dataset[name]));
  }
}

export function translateAll() {
  for (const node of document.querySelectorAll(MARKED)) translate(node);
}
