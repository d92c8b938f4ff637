// Tells a screen reader what came in; the list itself is silent, or every redrawn page of history would be read out.

const region = document.getElementById("announcer");

export function announce(text) {
  region.textContent = text;
}
