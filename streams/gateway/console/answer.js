// The events of one question's answer: what counts of them, and how their text is cut at citations.

/** Reads the events of one question: drops repeats, keeps the highest attempt and the first terminal event. */
export class AnswerReader {
  constructor() {
    this.attempt = 0;
    this.terminal = null;
    this.events = new Map();
  }

  /** Whether the event counts. One of a higher attempt takes back what the one before said. */
  feed(event) {
    if (this.terminal !== null) return false;
    if (event.type === "answer.completed" || event.type === "answer.failed") {
      this.terminal = event;
      this.attempt = event.attempt;
      return true;
    }
    if (event.attempt < this.attempt) return false;
    if (event.attempt > this.attempt) {
      this.attempt = event.attempt;
      this.events.clear();
    }
    if (this.events.has(event.seq)) return false;
    this.events.set(event.seq, event);
    return true;
  }

  /** The answer so far, up to the first event that is missing. */
  get text() {
    if (this.terminal?.type === "answer.completed") return this.terminal.text;
    let text = "";
    for (let seq = 0; this.events.has(seq); seq += 1) text += this.events.get(seq).text ?? "";
    return text;
  }
}

/** Text from `begun` on, cut at its markers: strings, and the numbers of those. In Markdown code, as the server reads it, there are none. */
function cut(text, begun = 0) {
  const found = [];
  const add = (piece) => {
    if (typeof piece === "string" && typeof found.at(-1) === "string") found.push(found.pop() + piece);
    else if (piece !== "") found.push(piece);
  };
  let [code, at] = ["", 0];
  for (const [token] of text.matchAll(/`+|\n|[^`\n]+/g)) {
    const inside = code;
    code = codeAfter(code, token);
    const rest = token.slice(Math.max(begun - at, 0));
    at += token.length;
    if (inside || code) add(rest);
    else rest.split(/\[([1-9]\d?)\]/).forEach((piece, index) => add(index % 2 ? Number(piece) : piece));
  }
  return found;
}

/** The backticks that the code which one is in opened with after `token`; none in prose. */
function codeAfter(code, token) {
  const fenced = code.length >= 3;
  if (token.startsWith("`")) return !code ? token : (fenced ? token.length >= code.length : token === code) ? "" : code;
  return token === "\n" && !fenced ? "" : code;
}

/** Text from `begun` on as pieces, each a string or the number of a citation that there is. */
export function pieces(text, numbers, begun = 0) {
  return cut(text, begun).map((piece) => (typeof piece === "string" || numbers.has(piece) ? piece : `[${piece}]`));
}

/** How much of a text that still grows can be shown: all but a marker or backticks that may not be whole, or may follow. */
export function settled(text) {
  const open = text.search(/(?: |\[\d{0,3}| \[\d{0,3}|`+)$/);
  return open < 0 ? text.length : open;
}

/** The text as it is read aloud: a marker is named. */
export function spoken(text) {
  return cut(text)
    .map((piece, index, all) => {
      if (typeof piece === "number") return ` (source ${piece})`;
      return typeof all[index + 1] === "number" ? piece.replace(/ $/, "") : piece;
    })
    .join("");
}

/** The turns of a conversation that the next question is sent with: the last few, without markers. */
export function history(turns, most = 4) {
  return turns.slice(-most).flatMap(({ question, text }) => [
    { role: "user", content: question },
    { role: "assistant", content: cut(text).filter((piece) => typeof piece === "string").join("").slice(0, 32000) },
  ]);
}
