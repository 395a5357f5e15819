// A document: what the index holds of it and what happened to it; writing and deleting one.

import { clone, confirmed, fillTerms, make, outward, part, say, show } from "./dom.js";
import { receiptLine } from "./feed.js";
import { json, path, pause } from "./http.js";
import { address, count, moment, place, position } from "./words.js";

const SETTLE_MS = 1000;
const SETTLE_TRIES = 120;
const NO_PAST = { receipts: [], heads: [], complete: true };

/** Makes the view work. `wrote(what, place)` is told of each change. Returns `open(id, source)`. */
export function documents({ mayRead, mayAsk, wrote }) {
  const view = document.getElementById("documents");
  const holder = document.getElementById("document");
  let opened = 0;
  let shown = { id: null, source: null };

  async function open(id, source) {
    opened += 1;
    const mine = opened;
    shown = { id, source };
    show(part(view, "problem"), null);
    holder.replaceChildren();
    if (part(view, "empty")) part(view, "empty").hidden = Boolean(id);
    if (!id || !mayRead) return;
    document.getElementById("lookup-id").value = id;
    try {
      const [held, before] = await Promise.all([current(id, source), past(id, source)]);
      if (mine === opened) holder.replaceChildren(card(id, held, before));
      say(held ? `${held.title ?? id}, ${count(held.passage_count, "passage")}.` : `The index does not hold ${id}.`);
    } catch (problem) {
      if (mine !== opened) return;
      show(part(view, "problem"), problem.message);
      if (problem.code === "ambiguous" && problem.sources.length > 1) choose(id, problem.sources);
    }
  }

  /** Several sources have a document of this id: offers each. */
  function choose(id, sources) {
    const links = sources.map((source) => make("li", {}, make("a", { href: address(id, source) }, `${id} of ${source}`)));
    show(part(view, "problem"), `${count(sources.length, "source has", "sources have")} a document of this id. Which one?`);
    holder.replaceChildren(make("ul", { className: "sources" }, ...links));
  }

  /** Its address here: with the source where that was chosen. */
  const here = (id) => address(id, id === shown.id ? shown.source : null);

  function card(id, held, before) {
    const { root, part: fill } = clone("document");
    fill("title").textContent = held?.title ?? id;
    standing(fill("standing"), held, before);
    properties(fill("properties"), id, held);
    texts(fill, held);
    changes(fill, before);
    fill("edit")?.addEventListener("click", () => write(id, held));
    if (fill("edit") && !held) fill("edit").textContent = "Write it";
    fill("delete")?.addEventListener("click", () => remove(id));
    if (fill("delete")) fill("delete").hidden = !held?.writable;
    if (fill("edit")) fill("edit").hidden = Boolean(held) && !held.writable;
    return root;
  }

  async function remove(id) {
    const sure = await confirmed(`Delete ${id}?`, "It can’t be found from the moment that the deletion is applied.", "Delete");
    if (!sure) return;
    try {
      done("deletion", id, await json("DELETE", path("documents", id)));
    } catch (problem) {
      show(part(view, "problem"), problem.message);
    }
  }

  function done(what, id, at) {
    const where = make("code", {}, place(at));
    const line = make("p", {}, `The ${what} of ${id} is accepted at `, where, mayAsk ? ". Your next question waits for it." : ".");
    document.getElementById("writes").replaceChildren(line);
    wrote(`${what} of ${id}`, at);
    say(line.textContent);
    if (mayRead) settle(id, at, line, what);
  }

  /** Says what became of the change, once the index has dealt with it. */
  async function settle(id, at, line, what) {
    for (let tries = 0; !(await applied(at)); tries += 1) {
      if (tries === SETTLE_TRIES) return;
      await pause(SETTLE_MS);
    }
    const { receipts } = await past(id).catch(() => NO_PAST);
    const receipt = receipts.find((one) => place(one.source) === place(at));
    const outcome = receipt ? `${receipt.outcome}${receipt.reason ? ` (${receipt.reason})` : ""}` : `the ${what} is applied`;
    line.textContent = `${id}, ${place(at)}: ${outcome}.`;
    say(line.textContent);
    if (location.hash === here(id)) open(id, id === shown.id ? shown.source : null);
  }

  const { write } = writing(async (id, body) => {
    done("change", id, await json("PUT", path("documents", id), { body }));
    if (mayRead) location.hash = here(id);
  });
  document.getElementById("write-new")?.addEventListener("click", () => write("", null));
  document.getElementById("lookup")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const id = document.getElementById("lookup-id").value;
    if (location.hash === address(id)) open(id);
    else location.hash = address(id);
  });
  return open;
}

/** The document as the index holds it; null where it holds none that the key may read. */
const current = (id, source) => unlessAbsent(null, json("GET", path("documents", id), { query: { passages: "true", ...(source && { source }) } }));

/** Its receipts and heads. */
const past = (id, source) => unlessAbsent(NO_PAST, json("GET", path("history", id), { query: source ? { source } : {} }));

async function unlessAbsent(absent, asked) {
  try {
    return await asked;
  } catch (problem) {
    if (problem.status === 404) return absent;
    throw problem;
  }
}

/** Whether the index has dealt with the record that stands there. */
async function applied(at) {
  const { sources } = await json("GET", "status").catch(() => ({ sources: [] }));
  const partitions = sources.find((one) => one.topic === at.topic)?.partitions ?? [];
  return partitions.some((one) => one.partition === at.partition && one.applied > at.offset);
}

function standing(line, held, { heads }) {
  const gone = allDeleted(heads);
  const said = held ? `In the index since ${moment(held.indexed_at)}` : gone ? "Deleted" : "The index does not hold it, or you may not read it";
  line.replaceChildren(make("span", { className: "dot", ariaHidden: "true" }), make("span", {}, said));
  line.dataset.state = held ? "current" : gone ? "away" : "unknown";
}

/** Whether of each source's heads the newest is a deletion: of another source, or written anew, it may stand. */
function allDeleted(heads) {
  const newest = new Map();
  for (const head of heads) if (!newest.has(head.source.topic)) newest.set(head.source.topic, head);
  return newest.size > 0 && [...newest.values()].every((head) => head.deleted);
}

function properties(list, id, held) {
  fillTerms(list, [["Id", make("code", {}, id)], ...(held ? known(held) : [])]);
}

function known(held) {
  return [
    ["Tenant", held.tenant],
    ["Comes from", held.writable ? null : `${held.source.topic}: it is changed there`],
    ["Address", held.url && outward(held.url)],
    ["Readers", held.readers.includes("*") ? "everyone in the tenant" : held.readers.join(", ")],
    ["Metadata", held.metadata.join("\n")],
    ["Format", held.media_type],
    ["Language", held.language],
    ["Change", make("code", {}, place(held.source))],
    ["Position", position(held.position)],
    ["In full", make("code", {}, held.position)],
  ];
}

function texts(fill, held) {
  if (!held?.passages?.length) return;
  fill("passages-title").textContent = count(held.passage_count, "passage");
  fill("passages").replaceChildren(...held.passages.map((one) => make("li", {}, one.text)));
  fill("passages-part").hidden = false;
}

function changes(fill, { receipts, complete }) {
  const lines = receipts.map((receipt) => receiptLine(receipt, make("code", {}, place(receipt.source))));
  fill("history").replaceChildren(...lines);
  fill("history-part").hidden = false;
  show(fill("no-history"), lines.length && complete ? null : complete ? fill("no-history").textContent : "Not all receipts could be looked at in time: there may be more.");
}

const FIELDS = { id: "write-id", title: "write-subject", text: "write-text", type: "write-type", url: "write-url", readers: "write-readers" };

/** The dialog in which a document is written; `put(id, body)` sends it. */
function writing(put) {
  const dialog = document.getElementById("write");
  const form = document.getElementById("write-form");
  const field = Object.fromEntries(Object.entries(FIELDS).map(([name, id]) => [name, document.getElementById(id)]));
  let before = null;

  function write(id, held) {
    before = held;
    form.reset();
    field.id.value = id;
    field.id.readOnly = Boolean(held);
    field.title.value = held?.title ?? "";
    field.text.value = held ? joined(held.passages) : "";
    if (held) field.type.value = held.media_type;
    field.url.value = held?.url ?? "";
    field.readers.value = held && !held.readers.includes("*") ? held.readers.join(", ") : "";
    show(part(dialog, "problem"), null);
    dialog.showModal();
    (held ? field.text : field.id).focus();
  }

  part(dialog, "cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await put(field.id.value, body(field, before));
      dialog.close();
    } catch (problem) {
      show(part(dialog, "problem"), problem.message);
    }
  });
  return { write };
}

function body(field, before) {
  const readers = field.readers.value.split(",").map((one) => one.trim()).filter(Boolean);
  return {
    text: field.text.value,
    media_type: field.type.value,
    ...(field.title.value && { title: field.title.value }),
    ...(field.url.value && { url: field.url.value }),
    ...(readers.length && { readers }),
    ...(before?.language && { language: before.language }),
    ...(before?.metadata.length && { metadata: metadata(before.metadata) }),
  };
}

/** `name=value` pairs as an object; a name that comes several times has a list. */
function metadata(pairs) {
  const found = new Map();
  for (const pair of pairs) {
    const cut = pair.indexOf("=");
    const name = pair.slice(0, cut);
    found.set(name, [...(found.get(name) ?? []), pair.slice(cut + 1)]);
  }
  return Object.fromEntries([...found].map(([name, values]) => [name, values.length > 1 ? values : values[0]]));
}

/** The text that the passages make together; between two, as many line ends as there was white space, two at most. */
function joined(passages) {
  let end = 0;
  return passages.map((one, index) => {
    const gap = index ? "\n".repeat(Math.min(2, Math.max(0, one.start - end))) : "";
    ({ end } = one);
    return gap + one.text;
  }).join("");
}
