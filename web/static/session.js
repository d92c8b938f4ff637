// Who is signed in. sessionStorage is one per tab, so that two tabs can be two users.

const KEY = "im-session";
const EXPIRED = "im-expired";

let current = JSON.parse(sessionStorage.getItem(KEY) ?? "null");

export const get = () => current;

export function set(next) {
  current = next;
  sessionStorage.setItem(KEY, JSON.stringify(next));
}

// The server has ended it: the next page says so.
export function expire() {
  sessionStorage.setItem(EXPIRED, "yes");
  end();
}

// A reload is what surely ends every timer, socket and answer still under way for the user who leaves.
export function end() {
  current = null;
  sessionStorage.removeItem(KEY);
  location.reload();
}

export function takeExpired() {
  const expired = sessionStorage.getItem(EXPIRED) !== null;
  sessionStorage.removeItem(EXPIRED);
  return expired;
}
