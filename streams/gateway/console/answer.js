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

/** Text as pieces, each a string or the number of a citation that there is. */
export function pieces(text, numbers) {
  return text
    .split(/\[(\d{1,3})\]/)
    .map((piece, index) => {
      if (index % 2 === 0) return piece;
      return numbers.has(Number(piece)) ? Number(piece) : `[${piece}]`;
    })
    .filter((piece) => piece !== "");
}

/** How much of a text that still grows can be shown: all but a marker that may not be whole, or may follow. */
export function settled(text) {
  const open = text.search(/(?: |\[\d{0,3}| \[\d{0,3})$/);
  return open < 0 ? text.length : open;
}

/** The turns of a conversation that the next question is sent with: the last few, without markers. */
export function history(turns, most = 4) {
  return turns.slice(-most).flatMap(({ question, text }) => [
    { role: "user", content: question },
    { role: "assistant", content: text.replace(/\[\d{1,3}\]/g, "").slice(0, 32000) },
  ]);
}
