// The signed-in user and their tokens. Each tab has its own sessionStorage, so two tabs can be two users.

const KEY = "im-session";
const EXPIRED = "im-expired";

let current = JSON.parse(sessionStorage.getItem(KEY) ?? "null");

export const get = () => current;

export function set(next) {
  current = next;
  sessionStorage.setItem(KEY, JSON.stringify(next));
}

// Called when the server has ended the session. The next page says so.
export function expire() {
  sessionStorage.setItem(EXPIRED, "yes");
  end();
}

// Only a reload surely ends every timer, socket and pending answer of the user who leaves.
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
