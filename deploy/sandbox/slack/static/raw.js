// A message or view as the JSON the bot sent.
import { el } from "./dom.js";
import { trapFocus } from "./focus.js";
import { icon } from "./icons.js";

export const showRaw = (value, title) => showSheet(title, el("pre", { class: "raw-json", tabindex: "0" }, JSON.stringify(value, null, 2)), "raw");

/** Show something to read in a dialog of the page's own. */
export function showSheet(title, content, className) {
  const shut = el("button", { type: "button", class: "icon-button", "aria-label": "Close" }, icon("close"));
  const box = el("div", { class: `modal ${className}`, role: "dialog", "aria-modal": "true", "aria-label": title },
    el("header", { class: "modal-head" }, el("h2", {}, title), shut),
    content);
  const shade = el("div", { class: "shade" }, box);
  document.getElementById("dialogs").append(shade);
  const done = () => { release(); shade.remove(); };
  const release = trapFocus(box, { first: shut, escape: done });
  shut.addEventListener("click", done);
  shade.addEventListener("pointerdown", (event) => { if (event.target === shade) done(); });
}
