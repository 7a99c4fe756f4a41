// Workspace, the person one acts as, conversations, App Home.
import { clockTime } from "./dates.js";
import { el, keyed } from "./dom.js";
import { botMark, icon } from "./icons.js";
import { avatar } from "./people.js";

const ROLES = { member: "data scientist", lead: "team lead", approver: "approver", admin: "admin", auditor: "auditor" };
const ASIDE = new Set(["guest", "outsider"]); // there to be refused
export const roleName = (role) => ROLES[role] ?? role;

/** `act`: switchTo(userId), openChannel(id), openHome(). */
export class Sidebar {
  constructor(root, act) {
    this.act = act;
    this.people = el("div", { class: "people", role: "group", "aria-label": "Act as" });
    this.channels = el("div", { class: "side-list" });
    this.directs = el("div", { class: "side-list" });
    this.apps = el("div", { class: "side-list" });
    this.link = el("span", { class: "line-state", role: "status" });
    root.append(
      el("div", { class: "workspace" }, botMark(34), el("div", {}, el("h1", {}, "leasebot"), el("p", {}, "sandbox")), this.link),
      el("div", { class: "side-scroll" },
        heading("Acting as"), this.people,
        heading("Channels"), this.channels,
        heading("Direct messages"), this.directs,
        heading("Apps"), this.apps),
      el("div", { class: "side-note" }, el("p", {}, "Slack, the cloud and the clock are simulated. The bot is real."),
        el("button", { type: "button", class: "tour-button", data: { tour: "1" }, on: { click: () => this.act.showTour() } }, "Two-minute tour")));
  }

  draw({ state, user, place, unread, now }) {
    keyed(this.people, state.users.filter((one) => one.role !== "bot"), {
      key: (one) => one.id,
      print: (one) => JSON.stringify([one, one.id === user, clockTime(now, one.tz), one.id === user ? 0 : unread.people[one.id]]),
      render: (one) => this.person(one, one.id === user, now, one.id === user ? 0 : unread.people[one.id]),
    });
    const channels = state.channels.filter((one) => one.kind === "channel");
    const directs = state.channels.filter((one) => one.kind === "im");
    this.list(this.channels, channels, place, unread);
    this.list(this.directs, directs, place, unread);
    keyed(this.apps, [{ id: "home" }], {
      key: () => "home", print: () => String(place.home),
      render: () => item({ selected: place.home, mark: icon("home", 17), name: "App Home", count: 0, click: () => this.act.openHome(), data: { view: "home" } }),
    });
  }

  list(parent, channels, place, unread) {
    keyed(parent, channels, {
      key: (one) => one.id,
      print: (one) => JSON.stringify([one, !place.home && place.channel === one.id, unread.count(one)]),
      render: (one) => item({
        selected: !place.home && place.channel === one.id,
        mark: one.kind === "im" ? botMark(18) : icon("hash", 17),
        name: one.name, count: unread.count(one), click: () => this.act.openChannel(one.id), data: { channel: one.id, kind: one.kind },
      }),
    });
  }

  person(one, chosen, now, waiting) {
    const aside = ASIDE.has(one.role);
    return el("button", {
      type: "button", class: `person${chosen ? " chosen" : ""}${aside ? " aside" : ""}`, data: { user: one.id }, "aria-pressed": chosen ? "true" : "false",
      "aria-label": `Act as ${one.name}, ${roleName(one.role)}`, on: { click: () => this.act.switchTo(one.id) },
    }, avatar(one, aside ? 18 : 28),
    el("span", { class: "person-text" }, el("span", { class: "person-name" }, one.name), el("span", { class: "person-role" }, roleName(one.role))),
    aside ? null : waiting ? el("span", { class: "badge", title: `${waiting} unread for ${one.name}` }, waiting > 99 ? "99+" : String(waiting))
      : el("span", { class: "person-time", title: one.tz }, clockTime(now, one.tz)));
  }

  online(up) {
    this.link.className = `line-state ${up ? "up" : "down"}`;
    this.link.title = up ? "Connected to the sandbox" : "The sandbox does not answer; trying again";
    this.link.textContent = up ? "live" : "offline";
  }
}

const heading = (text) => el("h2", { class: "side-heading" }, text);

function item({ selected, mark, name, count, click, data }) {
  return el("button", {
    type: "button", class: `side-item${selected ? " selected" : ""}${count ? " has-unread" : ""}`, data,
    "aria-current": selected ? "page" : undefined, on: { click },
    "aria-label": count ? `${name}, ${count} unread` : name,
  }, el("span", { class: "side-mark" }, mark), el("span", { class: "side-name" }, name),
  count ? el("span", { class: "badge" }, count > 99 ? "99+" : String(count)) : null);
}
