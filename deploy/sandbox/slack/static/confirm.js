// Slack's confirmation dialog object. It lives in the client only: the payload does not tell whether it was shown.
import { el } from "./dom.js";
import { textObject } from "./mrkdwn.js";
import { trapFocus } from "./focus.js";

/** Resolves to true if the person confirmed. */
export function confirmDialog(object, ctx) {
  return new Promise((resolve) => {
    const done = (answer) => {
      release();
      shade.remove();
      resolve(answer);
    };
    const style = object.style === "danger" ? "btn btn-danger-solid" : "btn btn-primary";
    const yes = el("button", { type: "button", class: style, data: { confirm: "yes" }, on: { click: () => done(true) } },
      textObject(object.confirm ?? "Yes", ctx));
    const no = el("button", { type: "button", class: "btn", data: { confirm: "no" }, on: { click: () => done(false) } },
      textObject(object.deny ?? "Cancel", ctx));
    const box = el("div", { class: "confirm", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
      el("h2", { id: "confirm-title" }, textObject(object.title ?? "Are you sure?", ctx)),
      el("div", { id: "confirm-text", class: "text" }, textObject(object.text ?? "", ctx)),
      el("div", { class: "dialog-foot" }, no, yes));
    const shade = el("div", { class: "shade shade-confirm" }, box);
    document.getElementById("dialogs").append(shade);
    const release = trapFocus(box, { first: yes, escape: () => done(false) });
  });
}
