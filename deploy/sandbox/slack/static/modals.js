// The stack of modals: the top one is live, those below wait behind it.
import { renderBlocks } from "./blocks.js";
import { el, keyed } from "./dom.js";
import { focusable } from "./focus.js";
import { icon } from "./icons.js";
import { textObject } from "./mrkdwn.js";
import { closePopup } from "./popup.js";

const MAX_STACK = 3;

/** `ctx.forView(view)` gives the drawing context; `ctx.submit(view)` and `ctx.close(view)` answer. */
export function drawModals(parent, views, ctx) {
  const stack = views.slice(-MAX_STACK);
  const before = topId(parent);
  const place = remember(parent);
  keyed(parent, stack, {
    key: (view) => view.id,
    print: (view) => JSON.stringify([{ ...view, state: null, hash: null }, ctx.errorsOf(view), ctx.me.id]),
    render: (view, old) => modal(view, ctx, old),
  });
  const nodes = [...parent.children];
  nodes.forEach((node, at) => {
    const top = at === nodes.length - 1;
    node.classList.toggle("under", !top);
    node.inert = !top;
    node.dataset.depth = String(at + 1);
  });
  document.getElementById("app").inert = nodes.length > 0;
  if (topId(parent) !== before) focusFirst(nodes.at(-1));
  else restore(parent, place);
  // A form that took the place of "one moment" is a new one to the keyboard: without this, Escape is not heard.
  if (nodes.length && document.activeElement === document.body) focusFirst(nodes.at(-1));
}

const topId = (parent) => parent.lastElementChild?.dataset.viewId ?? null;

// A view that was updated is drawn anew: the caret goes back to the same field.
function remember(parent) {
  const node = document.activeElement;
  if (!node || !parent.contains(node) || !node.dataset.actionId) return null;
  return { node, block: node.dataset.blockId, action: node.dataset.actionId, caret: caret(node) };
}

const caret = (node) => ("selectionStart" in node && node.selectionStart !== null ? [node.selectionStart, node.selectionEnd] : null);

function restore(parent, place) {
  if (!place || place.node.isConnected) return;
  const same = [...parent.querySelectorAll("[data-action-id]")]
    .find((node) => node.dataset.blockId === place.block && node.dataset.actionId === place.action);
  same?.focus();
  if (same && place.caret && caret(same)) same.setSelectionRange(...place.caret);
}

function focusFirst(node) {
  closePopup();
  if (!node) return;
  const wanted = node.querySelector("[data-focus]") ?? node.querySelector(".modal-body input, .modal-body textarea, .modal-body .select");
  (wanted ?? focusable(node)[0])?.focus();
}

function modal(view, ctx, old) {
  const own = ctx.forView(view);
  const title = `modal-${own.scope}-title`;
  const body = el("div", { class: "modal-body" }, renderBlocks(view.blocks, own));
  const box = el("form", {
    class: "modal", role: "dialog", "aria-modal": "true", "aria-labelledby": title, novalidate: true,
  },
  el("header", { class: "modal-head" }, el("h2", { id: title }, textObject(view.title ?? "leasebot", own)),
    el("button", { type: "button", class: "icon-button", "aria-label": "Close", data: { modal: "x" }, on: { click: () => ctx.close(view) } }, icon("close"))),
  body,
  foot(view, ctx, own));
  box.addEventListener("submit", (event) => {
    event.preventDefault();
    if (view.submit) ctx.submit(view, box.querySelector("[data-modal='submit']"));
  });
  const shade = el("div", { class: "shade", data: { viewId: view.id, callbackId: view.callback_id } }, box);
  shade.addEventListener("keydown", (event) => keys(event, box, () => ctx.close(view)));
  own.submit = () => box.requestSubmit();
  const scrolled = old?.querySelector(".modal-body")?.scrollTop;
  if (scrolled) queueMicrotask(() => { body.scrollTop = scrolled; });
  return shade;
}

function foot(view, ctx, own) {
  return el("footer", { class: "dialog-foot" },
    el("button", { type: "button", class: "btn", data: { modal: "close" }, on: { click: () => ctx.close(view) } },
      textObject(view.close ?? "Cancel", own)),
    view.submit ? el("button", { type: "submit", class: "btn btn-primary", data: { modal: "submit" } }, textObject(view.submit, own)) : null);
}

function keys(event, box, close) {
  if (event.key === "Escape") return close();
  if (event.key !== "Tab") return undefined;
  const nodes = focusable(box);
  const edge = event.shiftKey ? nodes[0] : nodes.at(-1);
  if (document.activeElement !== edge) return undefined;
  event.preventDefault();
  return (event.shiftKey ? nodes.at(-1) : nodes[0]).focus();
}
