// The texts of the page, in the chosen language or else the browser's. The tables are words-en.js and words-zh.js.

import { english } from "./words-en.js";
import { chinese } from "./words-zh.js";

const KEY = "im-language";
const LANGUAGES = {
  en: { words: english, locale: "en-GB", other: "zh" },
  zh: { words: chinese, locale: "zh-CN", other: "en" },
};

const listeners = new Set();
let current = LANGUAGES[localStorage.getItem(KEY) ?? preferred()] ?? LANGUAGES.en;

function preferred() {
  const named = navigator.languages.map((tag) => tag.toLowerCase().split("-")[0]);
  return named.find((language) => language in LANGUAGES);
}

// For Intl and the `lang` attribute.
export const locale = () => current.locale;
export const otherLocale = () => LANGUAGES[current.other].locale;

export function say(key, values = {}) {
  return current.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export const isSaid = (key) => key in current.words;

export function chooseOther() {
  localStorage.setItem(KEY, current.other);
  current = LANGUAGES[current.other];
  for (const listener of listeners) listener();
}

export function onLanguage(listener) {
  listeners.add(listener);
}
