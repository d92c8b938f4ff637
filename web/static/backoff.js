const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;

// How long to wait before the next attempt, after that many failed ones; at random, or all would come at once.
export const backoff = (attempts) => Math.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempts);
