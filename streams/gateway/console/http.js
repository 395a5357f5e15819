// Requests with the key, and event streams that go on where they were lost.

const VERSION = "1";
const BASE = new URL("../v1/", import.meta.url);
const KEPT = "rag-streams.key";
const SILENCE_MS = 60_000;
const LONGEST_WAIT_MS = 10_000;

/** The key, as long as the tab lives. It is in no address, no cookie and no other tab. */
export const key = {
  get: () => sessionStorage.getItem(KEPT),
  set: (value) => sessionStorage.setItem(KEPT, value),
  forget: () => sessionStorage.removeItem(KEPT),
};

/** What the gateway refused, in its own words; `status` 0 where it can't be reached. */
export class Problem extends Error {
  constructor(status, code, message, retryAfter = null, sources = []) {
    super(message);
    Object.assign(this, { status, code, retryAfter, sources });
  }

  /** Whether the same request may do better later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** The path of a document under `where`. Throws a `Problem` for the two ids that no address can hold. */
export function path(where, id) {
  if (id === "." || id === "..") throw new Problem(422, "invalid_request", `An id of dots alone has no address.`);
  return `${where}/${encodeURIComponent(id)}`;
}

/** The response to a request. Throws a `Problem` for anything but success. */
export async function send(method, where, { body, headers = {}, signal, query = {} } = {}) {
  const url = new URL(where, BASE);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const given = { Authorization: `Bearer ${key.get() ?? ""}`, "X-API-Version": VERSION, ...headers };
  if (body !== undefined) given["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(url, {
      method, signal, headers: given, body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "unreachable", "The gateway can’t be reached.");
  }
  if (response.ok) return response;
  const refused = await problem(response);
  if (refused.status === 401) dispatchEvent(new CustomEvent("refused", { detail: refused.message }));
  throw refused;
}

/** The JSON of a response; null where it is empty. */
export async function json(method, where, options) {
  const response = await send(method, where, options);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

async function problem(response) {
  let said = {};
  try {
    said = await response.json();
  } catch {
    // Something between here and the gateway answered: its status says enough.
  }
  const after = Number(response.headers.get("Retry-After")) || null;
  return new Problem(response.status, said.code ?? null, said.detail ?? said.title ?? `The gateway said ${response.status}.`, after, said.sources);
}

/** The events of one response: {id, type, data}, in order. Ends with the response; throws where it is lost. */
export async function* eventsOf(response, silence = SILENCE_MS) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { id: null, type: "message", data: [] };
  try {
    for (;;) {
      const { done, value } = await within(silence, reader.read());
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (event.data.length) yield { ...event, data: event.data.join("\n") };
          event = { id: event.id, type: "message", data: [] };
        } else {
          read(line, event);
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The problem that ends a stream. That no answer came is final: the gateway has waited long enough. */
function told(event) {
  const said = JSON.parse(event.data);
  const status = said.code === "no_answer" ? 408 : said.status;
  return new Problem(status, said.code, said.detail ?? said.title);
}

function read(line, event) {
  const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
  if (name === "data") event.data.push(value);
  else if (name === "event") event.type = value;
  else if (name === "id") event.id = value;
}

/**
 * The events of a stream that may break: `open(lastId)` gives a response, the first time with null, then with
 * the id of the last event seen. `lost(problem)` is told when it breaks, `back()` when it goes on. Ends where
 * the reader leaves, nothing is left to come or `signal` aborts; throws a `Problem` that waiting does not mend,
 * or that `tries` attempts in a row did not.
 */
export async function* follow(open, { signal, tries = Infinity, lost = () => {}, back = () => {} } = {}) {
  let lastId = null;
  for (let failures = 0; !signal?.aborted;) {
    let why = null;
    try {
      const response = await open(lastId);
      if (response.status === 204) return;
      if (failures) back();
      for await (const event of eventsOf(response)) {
        if (event.type === "error") throw told(event);
        failures = 0;
        lastId = event.id ?? lastId;
        yield JSON.parse(event.data);
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof Problem && !error.passing) throw error;
      why = error; // Whatever else it is, the stream broke.
    }
    failures += 1;
    if (failures >= tries) throw why instanceof Problem ? why : new Problem(0, "lost", "The connection was lost.");
    lost(why);
    const wait = Math.min(LONGEST_WAIT_MS, 250 * 2 ** failures) * (0.75 + Math.random() / 2);
    await pause(Math.max(wait, (why?.retryAfter ?? 0) * 1000), signal);
  }
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Problem(0, "silent", "The connection went silent.")), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
