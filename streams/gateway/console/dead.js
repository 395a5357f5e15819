// Dead letters: what could not be processed, why, and sending it back.

import { clone, confirmed, fillTerms, make, part, say, show } from "./dom.js";
import { json, path } from "./http.js";
import { count, moment, place } from "./words.js";

/** Makes the view work. Returns `open()`, which looks again. */
export function dead() {
  const view = document.getElementById("dead");
  const list = document.getElementById("letters");
  let looks = 0;

  async function open() {
    looks += 1;
    const mine = looks;
    const { value: kind } = view.querySelector("input[name=kind]:checked");
    show(part(view, "problem"), null);
    try {
      const { letters, complete } = await json("GET", "dead", { query: { kind, limit: "100" } });
      if (mine !== looks) return;
      list.replaceChildren(...letters.map(letterItem));
      part(view, "empty").hidden = letters.length > 0;
      if (!complete) show(part(view, "problem"), "Not all could be looked through in time: there may be more.");
      say(count(letters.length, "dead letter"));
    } catch (problem) {
      show(part(view, "problem"), problem.message);
    }
  }

  document.getElementById("dead-refresh").addEventListener("click", open);
  document.getElementById("dead-kind").addEventListener("change", open);
  return open;
}

function letterItem(letter) {
  const { root, part: fill } = clone("letter");
  fill("code").textContent = letter.code ?? "unknown";
  fill("message").textContent = letter.message ?? "Its headers do not say why.";
  const tries = Number(letter.attempts);
  fill("where").textContent = [
    letter.document_id, letter.source && `from ${letter.source}`, letter.died && moment(letter.died),
    tries > 0 && count(tries, "attempt"),
  ].filter(Boolean).join(" · ");
  fill("record-part").addEventListener("toggle", (event) => event.target.open && record(letter, fill("record")));
  fill("replay").setAttribute("aria-label", `Send back ${letter.at}`);
  fill("replay").addEventListener("click", () => sendBack(letter, fill("replay"), fill("sent")));
  fill("replay").hidden = !letter.replayable;
  if (letter.truncated) fill("sent").textContent = "Too large to be kept: send the record itself again.";
  return root;
}

async function record(letter, terms) {
  if (terms.hasChildNodes()) return;
  try {
    const { key, value, headers } = await json("GET", path("dead", letter.at));
    fillTerms(terms, [
      ["Key", key === null ? "none" : make("code", {}, key)],
      ["Value", value === null ? "none" : make("code", {}, value)],
      ...Object.entries(headers).filter(([name]) => !name.startsWith("dead-")).map(([name, text]) => [name, make("code", {}, text)]),
      ["Dead letter", make("code", {}, letter.at)],
    ]);
  } catch (problem) {
    fillTerms(terms, [["Problem", problem.message]]);
  }
}

async function sendBack(letter, button, sent) {
  const what = letter.kind === "questions" ? "It is asked anew." : "It is processed again, at its old place in time.";
  if (!(await confirmed("Send it back?", what, "Send back"))) return;
  button.disabled = true;
  try {
    sent.textContent = `Sent to ${place(await json("POST", `${path("dead", letter.at)}/replay`))}`;
  } catch (problem) {
    sent.textContent = problem.message;
    button.disabled = false;
  }
}
