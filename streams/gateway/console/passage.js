// A cited passage: what it says, where it stands, and whether its document still says so.

import { fillTerms, make, outward, part } from "./dom.js";
import { json, path } from "./http.js";
import { address, position } from "./words.js";

/** The dialog of passages; `mayRead`: whether the key may look at documents. Returns `open(citation, opener, outdated)`. */
export function passages(mayRead) {
  const dialog = document.getElementById("passage");
  const beside = matchMedia("(min-width: 60rem)");
  const body = part(dialog, "body");
  let opener = null;
  let before = null;

  part(dialog, "close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    opener?.setAttribute("aria-expanded", "false");
    // The browser says so a moment later: who has gone on by then, to the next question, stays there.
    const nowhereElse = [document.body, before].includes(document.activeElement);
    if (nowhereElse && opener?.isConnected) opener.focus({ preventScroll: true });
    opener = null;
  });
  // A dialog beside the page is not modal, and hears of Escape only where the focus is in it.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && dialog.open && !dialog.matches(":modal")) dialog.close();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && dialog.matches(":modal")) dialog.close();
  });
  addEventListener("hashchange", () => { opener = null; dialog.close(); });

  return async function open(citation, from, outdated = false) {
    opener?.setAttribute("aria-expanded", "false");
    opener = from;
    from.setAttribute("aria-expanded", "true");
    const title = document.getElementById("passage-title");
    title.textContent = citation.title ?? citation.document_id;
    body.replaceChildren(...about(citation, outdated, mayRead));
    if (!dialog.open) {
      before = document.activeElement; // To which the browser itself goes back.
      if (beside.matches) dialog.show();
      else dialog.showModal();
    }
    title.focus({ preventScroll: true });
    dialog.scrollTop = 0;
    if (!mayRead) return;
    const now = await standing(citation);
    if (opener === from) body.append(...now);
  };
}

function about(citation, outdated, mayRead) {
  const facts = make("dl", { className: "properties" });
  fillTerms(facts, [
    ["Source", `${citation.n}${citation.cited ? ", cited" : ""}`],
    ["Document", mayRead ? documentLink(citation.document_id) : citation.document_id],
    ["Address", citation.url && outward(citation.url)],
    ["Position", position(citation.position)],
    ["In full", make("code", {}, citation.position)],
  ]);
  const quote = make("blockquote", {}, citation.quote);
  if (!outdated) return [quote, facts];
  return [make("p", { className: "notice" }, "Changed or removed while the answer was made."), quote, facts];
}

function documentLink(id) {
  return make("a", { href: address(id) }, id);
}

/** What the index says of the passage's document now. */
async function standing(citation) {
  let held;
  try {
    held = await current(citation);
  } catch (problem) {
    if (problem.status === 404) return [state("away", "The index no longer holds this document.")];
    return [state("unknown", `Whether it still stands can’t be told: ${problem.message}`)];
  }
  const at = held.passages.findIndex((one) => holds(one.text, citation.quote));
  if (held.position === citation.position && at >= 0) {
    return [state("current", "The document still says this."), ...around(held, at)];
  }
  if (at >= 0) return [state("current", "The document has changed since, but still says this."), ...around(held, at)];
  return [state("behind", "The document has changed since, and no longer says this.")];
}

/** The citation's document as it is now: of several sources with such an id, the one that stands at its position. */
async function current({ document_id: id, position: at }) {
  const held = (query) => json("GET", path("documents", id), { query: { passages: "true", ...query } });
  try {
    return await held({});
  } catch (problem) {
    if (problem.code !== "ambiguous") throw problem;
    for (const source of problem.sources.length > 1 ? problem.sources : []) {
      const one = await held({ source });
      if (one.position === at) return one;
    }
    throw problem;
  }
}

function state(kind, text) {
  const line = make("p", { className: "standing" }, make("span", { className: "dot", ariaHidden: "true" }), make("span", {}, text));
  line.dataset.state = kind;
  return line;
}

/** The passage between its neighbours. */
function around({ passages: all, passage_count: total }, at) {
  const { start, end } = all[at];
  const shown = all.slice(Math.max(0, at - 1), at + 2).map((one) => {
    const cited = one === all[at];
    const item = make("li", { className: cited ? "cited" : "" }, one.text);
    if (cited) item.setAttribute("aria-current", "true");
    return item;
  });
  return [
    make("h3", {}, `In its document: passage ${at + 1} of ${total}, characters ${start} to ${end}`),
    make("ol", { className: "passages" }, ...shown),
  ];
}

const plain = (text) => text.replace(/\s+/g, " ").trim();

function holds(text, quote) {
  const [whole, piece] = [plain(text), plain(quote)];
  return whole.includes(piece) || piece.includes(whole);
}
