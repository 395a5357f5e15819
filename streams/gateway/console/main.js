// The console: lets a key in, offers what its scopes allow, and shows the view that the address names.

import { conversation } from "./ask.js";
import { dead } from "./dead.js";
import { documents } from "./documents.js";
import { part, show } from "./dom.js";
import { feed, freshness } from "./feed.js";
import { json, key } from "./http.js";
import { passages } from "./passage.js";

const VIEWS = [
  { name: "ask", title: "Ask", scopes: ["ask"] },
  { name: "index", title: "Index", scopes: ["read"] },
  { name: "documents", title: "Documents", scopes: ["read", "write"] },
  { name: "dead", title: "Dead letters", scopes: ["admin"] },
];
const SAID = "rag-streams.said";
const door = document.getElementById("door");
const app = document.getElementById("app");

/** Takes away what none of these scopes allows. It comes back with the next key: the page begins anew then. */
function offer(scopes) {
  const roots = [document, ...[...document.querySelectorAll("template")].map((one) => one.content)];
  for (const element of roots.flatMap((root) => [...root.querySelectorAll("[data-scope]")])) {
    if (!element.dataset.scope.split(" ").some((scope) => scopes.has(scope))) element.remove();
  }
}

function identify({ tenant, principals, scopes }) {
  part(document.getElementById("who"), "tenant").textContent = tenant;
  const panel = document.getElementById("who-panel");
  part(panel, "tenant").textContent = tenant;
  part(panel, "principals").textContent = principals.length ? principals.join(", ") : "nobody in particular";
  part(panel, "scopes").textContent = scopes.join(", ");
}

function enter(owner) {
  const scopes = new Set(owner.scopes);
  const mayRead = scopes.has("read");
  identify(owner);
  offer(scopes);
  const waitFor = scopes.has("ask") ? conversation(passages(mayRead)) : () => {};
  const shown = {
    ask: () => document.getElementById("question").focus(),
    documents: documents({ mayRead, mayAsk: scopes.has("ask"), wrote: waitFor }),
    dead: scopes.has("admin") ? dead() : null,
  };
  const live = mayRead ? feed() : null;
  if (mayRead) freshness();
  route(VIEWS.filter((view) => view.scopes.some((scope) => scopes.has(scope))), shown, live);
  door.hidden = true;
  app.hidden = false;
}

function route(allowed, shown, live) {
  const go = (event) => {
    const [, name, rest] = /^#\/([a-z]+)(?:\/(.*))?$/.exec(location.hash) ?? [];
    const view = allowed.find((one) => one.name === name) ?? allowed[0];
    if (!view) return;
    for (const one of VIEWS) document.getElementById(one.name).hidden = one !== view;
    for (const link of document.querySelectorAll("nav a")) {
      if (link.hash === `#/${view.name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${view.title} · rag-streams`;
    if (view.name === "index") live?.start();
    else live?.stop();
    if (event) {
      scrollTo(0, 0);
      document.getElementById(`${view.name}-title`).focus({ preventScroll: true });
    }
    const [named, query] = (rest ?? "").split("?");
    shown[view.name]?.(decoded(named), new URLSearchParams(query).get("source"));
  };
  addEventListener("hashchange", go);
  // Once the frame is there to be focused.
  queueMicrotask(() => go(null));
}

function decoded(text) {
  try {
    return decodeURIComponent(text ?? "");
  } catch {
    return text;
  }
}

/** Forgets the key, and everything that was shown with it. */
function leave() {
  key.forget();
  location.replace(location.pathname);
}

/** The key is not let in any more: says so at the door. */
function lockedOut(event) {
  if (app.hidden) return;
  sessionStorage.setItem(SAID, event.detail);
  leave();
}

function sayAtTheDoor(text) {
  door.hidden = false;
  show(document.getElementById("key-problem"), text);
  document.getElementById("key").focus();
}

async function knock() {
  try {
    enter(await json("GET", "key"));
  } catch (problem) {
    if (!problem.passing) key.forget();
    sayAtTheDoor(problem.message);
  }
}

document.getElementById("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.getElementById("key");
  key.set(field.value.trim());
  field.value = "";
  knock();
});
document.getElementById("forget").addEventListener("click", leave);
addEventListener("refused", lockedOut);

/** The key in the address that `rag-streams up` prints, on this machine alone: it is taken out of it at once. */
function given() {
  const local = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  const [, text] = /^#key=([\w-]+)$/.exec(location.hash) ?? [];
  if (!text || !local) return;
  history.replaceState(null, "", location.pathname);
  key.set(text);
}

given();
if (key.get()) {
  knock();
} else {
  sayAtTheDoor(sessionStorage.getItem(SAID));
  sessionStorage.removeItem(SAID);
}
