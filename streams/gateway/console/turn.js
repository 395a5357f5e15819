// One question and its answer, as it arrives.

import { AnswerReader, pieces, settled, spoken } from "./answer.js";
import { clone, fillTerms, make, say, show } from "./dom.js";
import { facts, notes, summary } from "./told.js";
import { count, failure, reason } from "./words.js";

export class Turn {
  /** `openPassage(citation, button, note)` and `again()` are what its buttons do. */
  constructor(question, { openPassage, again }) {
    Object.assign(this, { question, openPassage, again });
    this.reader = new AnswerReader();
    this.citations = new Map();
    this.written = "";
    this.doing = null;
    const { root, part } = clone("turn");
    Object.assign(this, { root, part });
    part("question").textContent = question;
    this.progress("Sending…");
  }

  /** What is going on; nothing once it is over. */
  progress(text) {
    show(this.part("progress"), text);
  }

  /** What the next question's history holds of this one; null where it got no answer. */
  get remembered() {
    const { terminal } = this.reader;
    if (terminal?.type !== "answer.completed" || terminal.abstained) return null;
    return { question: this.question, text: terminal.text };
  }

  /** Takes an event of the answer. Returns whether it was the last. */
  feed(event) {
    if (this.reader.attempt > 0 && event.attempt > this.reader.attempt) this.discard(event);
    if (this.reader.feed(event)) this.#took(event);
    return this.reader.terminal !== null;
  }

  #took(event) {
    if (event.type === "answer.started") this.#started(event);
    else if (event.type === "answer.delta") this.#write();
    else if (event.type === "answer.completed") this.#completed(event);
    else if (event.type === "answer.failed") this.fail(failure(event.code), event.message, event.retryable);
    else if (event.type === "answer.reset") this.#does(event.model ? `${event.model} writes…` : "Quoting the passages…");
  }

  #started({ citations, model }) {
    this.citations = new Map(citations.map((one) => [one.n, one]));
    const found = count(citations.length, "passage");
    this.#does(model ? `Found ${found}. ${model} writes…` : `Found ${found}.`);
    say(`Found ${found}. The answer is being written.`);
  }

  #does(text) {
    this.doing = text;
    this.progress(text);
  }

  #write() {
    const { text } = this.reader;
    this.#append(text.slice(0, settled(text)));
    this.progress(this.doing);
  }

  /** Shows what of the text was not yet. */
  #append(text) {
    for (const piece of pieces(text, this.citations, this.written.length)) {
      if (typeof piece === "string") this.part("answer").append(piece);
      else this.#kept().append(this.#marker(piece));
    }
    this.written = text;
  }

  /** What a marker is put into: it stays on the line of the word before it. */
  #kept() {
    const answer = this.part("answer");
    const last = answer.lastChild;
    if (last?.className === "kept") return last;
    const word = last ? /\S{0,24} ?$/.exec(last.data)[0] : "";
    if (last) last.data = last.data.slice(0, last.data.length - word.length);
    const kept = make("span", { className: "kept" }, word);
    answer.append(kept);
    return kept;
  }

  #marker(n) {
    const citation = this.citations.get(n);
    const button = make("button", { type: "button", className: "marker", ariaHasPopup: "dialog" }, String(n));
    button.setAttribute("aria-label", `Source ${n}: ${citation.title ?? citation.document_id}`);
    button.addEventListener("click", () => this.openPassage(this.citations.get(n), button));
    return button;
  }

  /** The text so far no longer counts: it is kept, struck through, below the reason. */
  discard(event) {
    const { reason: why, model } = event.type === "answer.reset" ? event : {};
    const said = `Started over${why ? `: ${reason(why)}` : ""}.${model ? ` Now ${model} writes.` : ""}`;
    const note = make("div", { className: "notice reset" }, said);
    const before = this.reader.text;
    if (before) {
      const text = make("p", { className: "discarded" }, before);
      note.append(make("details", {}, make("summary", {}, "What was written before"), text));
    }
    this.part("notes").append(note);
    this.#clear();
    say(said);
  }

  #clear() {
    this.part("answer").replaceChildren();
    this.written = "";
  }

  #note(text, className = "notice") {
    this.part("notes").append(make("p", { className }, text));
  }

  #completed(event) {
    this.citations = new Map(event.citations.map((one) => [one.n, one]));
    if (!event.text.startsWith(this.written)) this.#clear();
    this.#append(event.text);
    this.#over();
    this.#notes(event);
    this.#sources(event);
    this.#facts(event);
    const sources = event.citations.length ? ` ${count(event.citations.length, "passage")} to look at.` : "";
    say(`${event.abstained ? "No answer" : "The answer"}: ${spoken(event.text)}${sources}`);
  }

  #over() {
    this.progress(null);
    this.part("answer").setAttribute("aria-busy", "false");
  }

  #notes(event) {
    this.root.classList.toggle("abstained", event.abstained);
    for (const { text, calm } of notes(event)) this.#note(text, calm ? "calm" : "notice");
  }

  #sources({ citations, outdated }) {
    const item = (citation) => this.#source(citation, (outdated ?? []).includes(citation.n));
    const [cited, rest] = [true, false].map((wanted) => citations.filter((one) => one.cited === wanted).map(item));
    this.part("sources").hidden = !citations.length;
    this.part("list").replaceChildren(...cited);
    this.part("list").hidden = !cited.length;
    show(this.part("sources-title"), cited.length ? "Made from" : "Found, but not pointed at");
    this.part("uncited").hidden = !rest.length;
    this.part("uncited-title").textContent = `${count(rest.length, "more passage")} that the text does not point at`;
    this.part("uncited-list").replaceChildren(...rest);
    this.part("uncited").firstElementChild.open = !cited.length;
  }

  #source(citation, outdated) {
    const { root, part } = clone("source");
    part("n").textContent = citation.n;
    part("title").textContent = citation.title ?? citation.document_id;
    part("quote").textContent = citation.quote;
    const button = root.querySelector("button");
    button.addEventListener("click", () => this.openPassage(citation, button, outdated));
    return root;
  }

  #facts(event) {
    this.part("summary").textContent = summary(event);
    fillTerms(this.part("details"), facts(event));
    this.part("facts").hidden = false;
  }

  /** There is no answer: says why, and offers to ask again where that may help. */
  fail(title, message, retryable) {
    this.#over();
    const box = make("div", { className: "problem" }, make("strong", {}, `${title}.`), ` ${message}`);
    if (retryable) {
      const button = make("button", { type: "button" }, "Ask again");
      button.addEventListener("click", () => { button.disabled = true; this.again(); });
      box.append(make("div", {}, button));
    }
    this.part("notes").append(box);
    say(`${title}. ${message}`);
  }

  /** The reader asked to stop: what is there stays. */
  stop() {
    this.#over();
    this.#note("Stopped: the rest of the answer is not shown.", "calm");
  }
}
