// How numbers, moments and codes are said.

const numbers = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export const count = (number, one, many = `${one}s`) => `${numbers.format(number)} ${number === 1 ? one : many}`;
export const number = (value) => numbers.format(value);
export const time = (moment) => clock.format(new Date(moment));
export const place = (at) => `${at.topic}-${at.partition}-${at.offset}`;
export const address = (id, source) => `#/documents/${encodeURIComponent(id)}${source ? `?source=${encodeURIComponent(source)}` : ""}`;
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A moment with its day, or only the time where it is of today. */
export function moment(value) {
  const at = new Date(value);
  const today = at.toDateString() === new Date().toDateString();
  return today ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}

/** Milliseconds as people say them. */
export function took(ms) {
  return ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
}

/** A position in words: the source's time where it has one, and where Kafka holds the change. */
export function position(text) {
  const [ns, , ms, offset] = (text ?? "").split(".").map((part) => BigInt(/^\d+$/.test(part) ? part : "0"));
  if (offset === undefined) return text ?? "";
  const at = ns > 0n ? Number(ns / 1000000n) : Number(ms);
  return `${ns > 0n ? "changed" : "written"} ${moment(at)}, offset ${offset}`;
}

const REASONS = {
  timeout: "the model was too slow",
  error: "the model failed",
  circuit_open: "the model has been failing",
  deadline: "there was too little time left",
  worker_lost: "the worker was lost",
  ungrounded: "the passages did not support it",
  guarded: "the guard stopped what the model wrote",
  rollout: "a share of questions goes to this model",
  no_evidence: "the index holds no evidence",
};
const ROUTES = {
  primary: "the first model",
  fallback: "the second model",
  extract: "no model: the best passages, quoted",
  none: "no model: there was nothing to answer from",
};
const FAILURES = {
  deadline_exceeded: "The answer was not ready in time",
  stale_index: "The index did not reach your change in time",
  invalid_question: "The question can’t be read",
  refused: "The question was refused",
  unavailable: "It can’t be answered now",
};

export const reason = (code) => REASONS[code] ?? code;
export const route = (code) => ROUTES[code] ?? code;
export const failure = (code) => FAILURES[code] ?? "There is no answer";
