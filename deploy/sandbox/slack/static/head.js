// The head of the main pane: where one is, and the two tabs of the app's own conversation.
import { el, keyed } from "./dom.js";
import { botMark, icon } from "./icons.js";

export function drawHead(root, { state, place, me, act }) {
  const channel = state.channels.find((one) => one.id === place.channel);
  const app = place.home || channel?.kind === "im";
  keyed(root, [{ app, home: place.home, name: channel?.name, me: me.name }], {
    key: () => "head", print: (one) => JSON.stringify(one),
    render: () => (app ? appHead(state, place, act) : channelHead(channel)),
  });
}

function channelHead(channel) {
  return el("div", { class: "head-line" }, el("h2", {}, icon("hash", 20), channel?.name ?? ""),
    channel?.topic ? el("span", { class: "head-topic" }, channel.topic) : null);
}

function appHead(state, place, act) {
  const direct = state.channels.find((one) => one.kind === "im");
  const tab = (label, selected, click, name) => el("button", {
    type: "button", role: "tab", class: `tab${selected ? " selected" : ""}`, "aria-selected": selected ? "true" : "false",
    data: { tab: name }, on: { click },
  }, label);
  return el("div", { class: "head-app" },
    el("div", { class: "head-line" }, el("h2", {}, botMark(24), "leasebot"), el("span", { class: "app-badge" }, "APP")),
    el("div", { class: "tabs", role: "tablist", "aria-label": "leasebot" },
      tab("Home", place.home, () => act.openHome(), "home"),
      direct ? tab("Messages", !place.home, () => act.openChannel(direct.id), "messages") : null));
}
