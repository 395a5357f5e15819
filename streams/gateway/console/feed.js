// How far the index is, and what becomes of each change, as it happens.

import { clone, make, part, say, show } from "./dom.js";
import { follow, json, pause, send } from "./http.js";
import { address, capital, count, moment, number, place, took } from "./words.js";

const LOOK_MS = 4000;
const ROWS = 200;
const SAY_MS = 5000;

/** Keeps the line in the header and the table of partitions true, as long as the page is looked at. */
export async function freshness() {
  const pill = document.getElementById("freshness");
  for (;;) {
    let wait = LOOK_MS;
    if (!document.hidden) {
      try {
        showStatus(pill, await json("GET", "status"));
      } catch (problem) {
        pill.dataset.state = "away";
        part(pill, "text").textContent = "Index unknown";
        show(part(document.getElementById("index"), "problem"), `How far it is can’t be told: ${problem.message}`);
        wait = Math.max(wait, (problem.retryAfter ?? 0) * 1000);
      }
    }
    await pause(wait);
  }
}

function showStatus(pill, { behind, sources, parts, embed_model: model }) {
  const view = document.getElementById("index");
  const down = Object.entries(parts).filter(([, state]) => state !== "ok").map(([name, state]) => `${name}: ${state}`);
  show(part(view, "problem"), down.join(" · "));
  pill.dataset.state = behind === null || down.length ? "away" : behind ? "behind" : "current";
  const known = behind !== null && behind !== undefined;
  part(pill, "text").textContent = known ? (behind ? `${number(behind)} behind` : "Up to date") : "Index unknown";
  show(part(view, "model"), model && `Embedded with ${model}.`);
  const lead = behind ? `${capital(count(behind, "change"))} waiting to be applied.` : "Everything that was written is in the index.";
  part(view, "lead").textContent = known ? lead : "How far it is can’t be told.";
  const rows = sources.flatMap((source) => source.partitions.map((one) => partition(source.topic, one)));
  part(view, "rows").replaceChildren(...rows);
  part(view, "partitions").hidden = !rows.length;
}

function partition(topic, { partition: n, applied, end, behind }) {
  const late = make("span", { className: behind ? "late" : "" }, number(behind));
  return make(
    "tr", {},
    make("td", {}, `${topic}-${n}`), make("td", {}, number(applied)), make("td", {}, number(end)), make("td", {}, late),
  );
}

/** A receipt as a line; `name` is what stands first, an element or text. */
export function receiptLine(receipt, name) {
  const { root, part: fill } = clone("receipt");
  fill("time").textContent = moment(receipt.indexed_at);
  fill("time").dateTime = receipt.indexed_at;
  fill("name").replaceChildren(name);
  fill("outcome").textContent = capital(receipt.outcome);
  fill("outcome").dataset.outcome = receipt.outcome;
  fill("work").textContent = work(receipt).join(" · ");
  return root;
}

function work({ passages, outcome, reason, changed_at: changed, indexed_at: indexed, source, documents }) {
  const said = reason ? [reason.replaceAll("_", " ")] : [];
  if (documents > 1) said.push(count(documents, "document"));
  if (outcome === "indexed") said.push(`${count(passages.embedded, "passage")} embedded, ${number(passages.reused)} reused`);
  if (passages.removed) said.push(`${number(passages.removed)} removed`);
  const age = changed && outcome === "indexed" ? new Date(indexed) - new Date(changed) : -1;
  if (age >= 0 && age < 3_600_000) said.push(`${took(age)} after the change`);
  return [...said, place(source)];
}

/** The live feed. Returns `{start, stop}`: it is followed only while its view is open. */
export function feed() {
  const view = document.getElementById("index");
  const list = document.getElementById("feed");
  const button = document.getElementById("feed-pause");
  const seen = new Set();
  let waiting = [];
  let paused = false;
  let unsaid = 0;
  let following = null;

  function take(receipt) {
    const at = `${place(receipt.source)}:${receipt.indexed_at}`;
    if (seen.has(at)) return;
    seen.add(at);
    waiting.push(receipt);
    if (paused) button.textContent = `Go on, ${number(waiting.length)} new`;
    else flush(true);
  }

  function flush(fresh) {
    for (const receipt of waiting) {
      const line = receiptLine(receipt, named(receipt));
      line.classList.toggle("new", fresh);
      list.prepend(line);
      unsaid += 1;
    }
    waiting = [];
    while (list.children.length > ROWS) list.lastElementChild.remove();
    part(view, "empty").hidden = list.children.length > 0;
  }

  function named({ document_id: id, source }) {
    return id ? make("a", { href: address(id) }, id) : place(source);
  }

  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Go on" : "Pause";
    if (!paused) flush(false);
  });
  setInterval(() => {
    if (unsaid && following) say(`${count(unsaid, "change")} applied.`);
    unsaid = 0;
  }, SAY_MS);

  async function run(signal) {
    const connection = part(view, "connection");
    const open = () => send("GET", "indexed/events", { signal, headers: { Accept: "text/event-stream" }, query: { recent: "20" } });
    const lost = () => show(connection, "The connection was lost. Connecting again…");
    try {
      for await (const receipt of follow(open, { signal, lost, back: () => show(connection, null) })) take(receipt);
    } catch (problem) {
      show(connection, `The feed has stopped: ${problem.message}`);
    }
  }

  return {
    start() {
      if (following) return;
      following = new AbortController();
      run(following.signal);
    },
    stop() {
      following?.abort();
      following = null;
    },
  };
}
