// Who is signed in. sessionStorage is one per tab, so that two tabs can be two users.

const KEY = "im-session";
const NOTICE = "im-notice";

let current = JSON.parse(sessionStorage.getItem(KEY) ?? "null");

export const get = () => current;

export function set(next) {
  current = next;
  sessionStorage.setItem(KEY, JSON.stringify(next));
}

// A reload is what surely ends every timer, socket and answer still under way for the user who leaves.
export function end(notice = "") {
  current = null;
  sessionStorage.removeItem(KEY);
  sessionStorage.setItem(NOTICE, notice);
  location.reload();
}

export function takeNotice() {
  const notice = sessionStorage.getItem(NOTICE);
  sessionStorage.removeItem(NOTICE);
  return notice;
}
