// The conversation: asking, following each answer, and what a question waits for.

import { history } from "./answer.js";
import { part, say } from "./dom.js";
import { Problem, follow, send } from "./http.js";
import { Turn } from "./turn.js";
import { place } from "./words.js";

const LOST_TRIES = 8;

/** Makes the view work. Returns `waitFor(change, place)`: what questions from now on are to see. */
export function conversation(openPassage) {
  const view = document.getElementById("ask");
  const thread = document.getElementById("thread");
  const form = document.getElementById("composer");
  const field = document.getElementById("question");
  const submit = part(form, "submit");
  let turns = [];
  let after = [];
  let running = null;

  function busy(controller) {
    running = controller;
    submit.textContent = controller ? "Stop" : "Ask";
    submit.formNoValidate = controller !== null;
    document.getElementById("anew").hidden = !turns.length || controller !== null;
  }

  async function ask(text) {
    const turn = new Turn(text, { openPassage, again: () => running ?? ask(text) });
    const earlier = history(turns.map((one) => one.remembered).filter(Boolean));
    turns.push(turn);
    view.classList.add("talking");
    thread.append(turn.root);
    turn.root.scrollIntoView({ block: "start" });
    const controller = new AbortController();
    busy(controller);
    try {
      await answer(turn, { text, history: earlier, after: after.map((one) => one.at) }, controller.signal);
    } finally {
      if (running === controller) busy(null);
    }
    const ended = turn.reader.terminal;
    if (ended?.type === "answer.completed" && !ended.stale) waits([]);
  }

  function waits(changes) {
    after = changes;
    const box = document.getElementById("waits");
    box.hidden = !changes.length;
    if (!changes.length) return;
    const more = changes.length > 1 ? ` and ${changes.length - 1} more` : "";
    part(box, "change").textContent = `${changes.at(-1).what}${more}`;
    part(box, "place").textContent = place(changes.at(-1).at);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running) return running.abort();
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    ask(text);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!running && field.value.trim()) form.requestSubmit();
  });
  document.getElementById("waits-not").addEventListener("click", () => { waits([]); field.focus(); });
  document.getElementById("anew").addEventListener("click", () => {
    turns = [];
    thread.replaceChildren();
    view.classList.remove("talking");
    busy(null);
    field.focus();
    say("A new conversation.");
  });
  return (what, at) => waits([...after.filter((one) => one.what !== what), { what, at }]);
}

/** Asks, and feeds the turn until its answer ends; goes on after what was seen where the connection is lost. */
async function answer(turn, question, signal) {
  let address = null;
  const headers = { Accept: "text/event-stream" };
  const open = async (lastId) => {
    if (address) {
      return send("GET", address, { signal, headers: lastId ? { ...headers, "Last-Event-ID": lastId } : headers });
    }
    const response = await send("POST", "questions", { body: { ...question, stream: true }, headers, signal });
    // By its path alone: what stands before /v1 may be another's in front of the gateway.
    address = response.headers.get("Location").replace(/^.*\/v1\//, "");
    turn.progress("Searching…");
    return response;
  };
  const lost = (why) => {
    // A question that may have been taken is not asked twice.
    if (!address) throw why instanceof Problem ? why : new Problem(0, "lost", "The connection was lost.");
    turn.progress("The connection was lost. Connecting again…");
    say("The connection was lost. Connecting again.");
  };
  const events = follow(open, { signal, tries: LOST_TRIES, lost, back: () => turn.progress("Connected again.") });
  try {
    for await (const event of events) if (atTheEnd(() => turn.feed(event))) return;
    atTheEnd(() => (signal.aborted ? turn.stop() : turn.fail("There is no answer", "The gateway has no more of it.", true)));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    const title = problem.code === "rate_limited" ? "Too many questions" : "There is no answer";
    atTheEnd(() => turn.fail(title, problem.message, problem.passing));
  }
}

/** Changes the page, and stays at its end where that is being read. */
function atTheEnd(change) {
  const there = innerHeight + scrollY >= document.body.scrollHeight - 80;
  const changed = change();
  if (there) scrollTo(0, document.body.scrollHeight);
  return changed;
}
