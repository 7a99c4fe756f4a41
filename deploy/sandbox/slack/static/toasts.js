// Short notices in a corner; what Slack would show when an app does not answer.
import { el } from "./dom.js";
import { icon } from "./icons.js";

const TEXTS = {
  operation_timeout: "leasebot did not answer within 3 seconds (operation_timeout).",
  dispatch_failed: "leasebot could not be reached or refused the request (dispatch_failed).",
};
const SAME_FOR_MS = 4000;
const STAYS_MS = 9000;
const last = new Map();

/** Show a notice once per text and few seconds. */
export function toast(code) {
  const text = TEXTS[code] ?? `The sandbox answered: ${code}`;
  const now = performance.now();
  if (now - (last.get(text) ?? -Infinity) < SAME_FOR_MS) return;
  last.set(text, now);
  const node = el("div", { class: "toast", data: { toast: code } }, el("span", {}, text));
  node.append(el("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", on: { click: () => node.remove() } }, icon("close", 14)));
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), STAYS_MS);
}

/** The failure in a request's answer of which Slack would tell the person, or an error of the sandbox itself. */
export const failureIn = (answer) => answer?.error ?? (Object.hasOwn(TEXTS, answer?.note ?? "") ? answer.note : null);
