// What is told of an answer that is complete: what to mind about it, and how it was made.

import { capital, count, number, reason, route, took } from "./words.js";

/** What to mind, each with whether it is of no concern. */
export function notes(event) {
  const { passages_flagged: flagged = [], passages_dropped: dropped = 0 } = event.guard ?? {};
  return [
    [event.abstained, "The index holds no evidence for this, so nothing was made up.", true],
    [event.route === "extract", "No model could answer in time. These are the best passages, quoted.", true],
    [flagged.length, `Reads like instructions to the model, so be wary of it: ${sources(flagged)}.`],
    [dropped, `Left out, since it reads like instructions to the model: ${count(dropped, "passage")}.`],
    [event.truncated, "The model had written as much as it may, so this may end in the middle."],
    [event.stale, "The index had not reached your change: this may be from before it."],
    [event.by_words, "The embedding model did not answer in time: this was found by words alone."],
    [event.outdated?.length, `Changed or removed while the answer was made: ${sources(event.outdated ?? [])}.`],
  ].filter(([applies]) => applies).map(([, text, calm = false]) => ({ text, calm }));
}

const sources = (numbers) => numbers.map((n) => `source ${n}`).join(", ");

/** Who wrote it and how long it took, in a line. */
export function summary({ model, route: by, timings }) {
  const first = timings.first_token === null ? [] : [`model’s first word after ${took(timings.first_token)}`];
  const total = timings.total === null ? [] : [`${took(timings.total)} in all`];
  return [model ?? capital(route(by)), ...first, ...total].join(" · ");
}

/** How it was made: terms, each with what is known of it, if anything is. */
export function facts(event) {
  const { timings, usage } = event;
  return [
    ["Written by", event.model && `${event.model}, ${route(event.route)}`],
    ["Because", event.reason && capital(reason(event.reason))],
    ["Supported", event.grounded !== null && `${Math.round(event.grounded * 100)} % of its sentences, by what they cite`],
    ["Made from", event.watermark.map((at) => `${at.topic}-${at.partition} up to ${number(at.offset)}`).join("\n")],
    ["Time", steps(timings)],
    ["Tokens", usage.completion_tokens ? `${number(usage.prompt_tokens)} read, ${number(usage.completion_tokens)} written` : null],
    ["Question", `${event.question}, attempt ${event.attempt}`],
  ];
}

const STEPS = [
  ["queued", "in line"], ["waited", "waiting for your change"], ["rewritten", "making it stand alone"], ["embedded", "embedding the question"],
  ["retrieved", "searching"], ["first_token", "to the first word"], ["generated", "writing"],
];

function steps(timings) {
  return STEPS.filter(([name]) => timings[name]).map(([name, words]) => `${took(timings[name])} ${words}`).join("\n");
}
