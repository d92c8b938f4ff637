// The addresses in a text, as links. Only http and https become links, as anything else could run a script.

const ADDRESS = /(https?:\/\/[^\s<>"'`\u3000-\u303f\uff00-\uffef]+)/i;
const TRAILING = /[.,;:!?)\]}*_~…]+$/;

// pieces: as in dom.js. Those that stand for something already stay as they are.
export const linked = (pieces) => pieces.flatMap((piece) => (piece.id === undefined ? split(piece.text) : piece));

function split(text) {
  return text
    .split(ADDRESS)
    .flatMap((part, at) => (at % 2 ? link(part) : { text: part }))
    .filter(({ text }) => text);
}

function link(found) {
  const end = TRAILING.exec(found)?.[0] ?? "";
  // A bracket at the end belongs to the address if it was opened in it.
  const keep = end.startsWith(")") && found.slice(0, -end.length).includes("(") ? 1 : 0;
  const address = found.slice(0, found.length - end.length + keep);
  if (!URL.canParse(address)) return { text: found };
  return [{ text: address, href: new URL(address).href }, { text: found.slice(address.length) }];
}
