// Announces new messages to a screen reader. The list itself is silent, or every redrawn page would be read out.

const region = document.getElementById("announcer");

export function announce(text) {
  region.textContent = text;
}
