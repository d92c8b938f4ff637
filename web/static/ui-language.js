// The language of the page as a whole, and the buttons that change it.

import { changed } from "./store.js";
import { translateAll } from "./translate.js";
import { chooseOther, locale, onLanguage, otherLocale, say } from "./words.js";

const buttons = document.querySelectorAll(".language");

export function mountLanguage() {
  for (const button of buttons) button.addEventListener("click", chooseOther);
  onLanguage(draw);
  draw();
}

function draw() {
  document.documentElement.lang = locale();
  document.title = say("app.title");
  for (const button of buttons) button.lang = otherLocale();
  translateAll();
  changed();
}
