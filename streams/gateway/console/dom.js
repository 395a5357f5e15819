// Building the page. Everything that comes from outside goes in as text: nothing here reads HTML.

/** A copy of the template `t-NAME`: its element, and `part(name)` for what it marks with data-fill. */
export function clone(name) {
  const root = document.getElementById(`t-${name}`).content.firstElementChild.cloneNode(true);
  return { root, part: (fill) => part(root, fill) };
}

/** The element in `root` that is marked with data-fill="NAME". */
export function part(root, name) {
  return root.querySelector(`[data-fill="${name}"]`);
}

/** An element with properties and children; strings become text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Shows `element` with this text, or hides it where there is none. */
export function show(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

/** Pairs of a name and a value as the terms of a list; those without a value are left out. */
export function fillTerms(list, pairs) {
  list.replaceChildren(
    ...pairs
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
  );
}

/** A link to an address from outside, or its plain text where it is not http or https. */
export function outward(address, text = address) {
  let url = null;
  try {
    url = new URL(address);
  } catch {
    return text;
  }
  if (!["http:", "https:"].includes(url.protocol)) return text;
  return make("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, text);
}

let speaking = null;

/** Has a screen reader say this once, politely. */
export function say(text) {
  const said = document.getElementById("said");
  said.textContent = "";
  clearTimeout(speaking);
  speaking = setTimeout(() => { said.textContent = text; }, 60);
}

/** Asks before something that can't be taken back. Resolves to whether it was confirmed. */
export function confirmed(title, text, yes) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-title").textContent = title;
  document.getElementById("confirm-text").textContent = text;
  part(dialog, "yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
