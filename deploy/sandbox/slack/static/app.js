// The sandbox page: fetch the state, draw it, send what people do.
import { api, listen, UNREACHABLE } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { busyWhile, ClockCard } from "./clock_card.js";
import { CloudCard } from "./cloud_card.js";
import { Composer } from "./composer.js";
import { Contexts } from "./contexts.js";
import { dayKey } from "./dates.js";
import { el, keyed, replace } from "./dom.js";
import { drawHead } from "./head.js";
import { drawMessages } from "./messages.js";
import { drawModals } from "./modals.js";
import { closeOrphan, closePopup } from "./popup.js";
import { Sidebar } from "./sidebar.js";
import { failureIn, toast } from "./toasts.js";
import { showTour } from "./tour.js";
import { TrafficCard } from "./traffic_card.js";
import { Unread } from "./unread.js";

const FIRST_USER = "U0ANA";
const CLOUD_POLL_MS = 3000; // a notebook's state also moves with time alone, without an event
const GLANCE_AFTER_MS = 900;
const at = (id) => document.getElementById(id);

class Sandbox {
  constructor() {
    const remembered = new URLSearchParams(location.hash.slice(1));
    this.user = remembered.get("user") ?? FIRST_USER;
    this.place = { home: remembered.get("view") === "home", channel: remembered.get("channel") };
    this.places = new Map();
    this.state = null;
    this.notebooks = [];
    this.contexts = new Contexts(this);
    this.unread = new Unread();
    this.sidebar = new Sidebar(at("sidebar"), this);
    this.clock = new ClockCard(at("panel"), (ms) => this.push(ms));
    this.cloud = new CloudCard(at("panel"), (id, activity) => this.activity(id, activity));
    this.traffic = new TrafficCard(at("panel"));
    this.composer = new Composer(at("composer-area"), { send: (text) => this.command(text), notebook: () => this.example() });
  }

  start() {
    listen(() => this.refresh(), (up) => this.online(up));
    setInterval(() => this.tick(), 250);
    setInterval(() => { if (!document.hidden) this.refreshCloud(); }, CLOUD_POLL_MS);
    return this.place.home ? this.openHome() : this.refresh();
  }

  // The server's instant, moved on by the time that has passed here since; a frozen clock stands.
  now() {
    const passed = this.state.clock_running === false ? 0 : performance.now() - this.fetchedAt;
    return Math.round(this.state.now_ms + passed);
  }

  online(up) {
    this.sidebar.online(up);
    if (up && this.state) this.refresh();
  }

  /** Fetch and draw; calls made meanwhile become one more fetch. */
  async refresh() {
    if (this.fetching) {
      this.again = true;
      return this.fetching;
    }
    this.fetching = this.fetchAll();
    try {
      await this.fetching;
    } finally {
      this.fetching = null;
    }
    if (!this.again) return undefined;
    this.again = false;
    return this.refresh();
  }

  async fetchAll() {
    const { user } = this;
    const [state, notebooks] = await Promise.all([api.state(user), api.cloud()]);
    if (user !== this.user) {
      this.again = true;
      return;
    }
    if (state.error) return this.report(state, false);
    this.state = state;
    this.fetchedAt = performance.now();
    if (Array.isArray(notebooks)) this.notebooks = notebooks;
    this.draw();
    clearTimeout(this.glancing);
    this.glancing = setTimeout(() => this.glance(), GLANCE_AFTER_MS);
  }

  // What waits for the others, so that one sees whom to act as next.
  async glance() {
    const others = this.state.users.filter((one) => one.id !== this.user && one.role !== "bot");
    let changed = false;
    for (const other of others) {
      const state = await api.state(other.id);
      if (state.channels && other.id !== this.user) changed = this.unread.glance(other.id, state) || changed;
    }
    if (changed) this.drawSidebar();
  }

  drawSidebar() {
    this.sidebar.draw({ state: this.state, user: this.user, place: this.place, unread: this.unread, now: this.now() });
  }

  async refreshCloud() {
    if (!this.state || this.fetching) return;
    const notebooks = await api.cloud();
    if (!Array.isArray(notebooks)) return;
    this.notebooks = notebooks;
    this.cloud.draw(notebooks, this.now());
  }

  draw() {
    const { state } = this;
    this.settle();
    this.unread.update(this.user, state, this.place, !document.hidden);
    const ctx = this.contexts.base();
    this.drawSidebar();
    drawHead(at("main-head"), { state, place: this.place, me: ctx.me, act: this });
    this.drawMain(ctx);
    drawModals(at("modals"), state.modals ?? [], { ...ctx, submit: (view, node) => this.submit(view, node), close: (view) => this.close(view) });
    this.cloud.draw(this.notebooks, this.now());
    this.cloud.showAccount(ctx.me.name, state.cloud_account);
    this.traffic.draw({ traffic: state.traffic ?? [], findings: state.findings ?? [], zone: ctx.me.tz });
    closeOrphan();
    this.tick();
    this.remember();
    document.body.dataset.ready = "1";
  }

  // The conversation on screen must exist for this person.
  settle() {
    const { channels } = this.state;
    if (channels.some((one) => one.id === this.place.channel)) return;
    const direct = channels.find((one) => one.kind === "im") ?? channels[0];
    this.place = { ...this.place, channel: direct?.id ?? null };
  }

  drawMain(ctx) {
    at("home").hidden = !this.place.home;
    at("messages").hidden = this.place.home;
    at("composer-area").hidden = this.place.home;
    if (this.place.home) this.drawHome(ctx);
    else this.drawConversation(ctx);
  }

  drawConversation(ctx) {
    const list = at("messages");
    const { channel } = this.place;
    const messages = this.state.messages[channel] ?? [];
    const key = `${this.user}/${channel}`;
    const moved = list.dataset.place !== key;
    const low = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    list.dataset.place = key;
    let inner = list.querySelector(".message-list");
    if (!inner || moved) {
      inner = el("div", { class: "message-list" });
      replace(list, inner);
    }
    drawMessages(inner, channel, messages, ctx);
    this.emptyConversation(list, messages);
    const name = this.state.channels.find((one) => one.id === channel);
    this.composer.open(key, name?.kind === "im" ? "leasebot" : `#${name?.name ?? ""}`, this.state.command ?? "/notebook");
    if (moved || low) this.toBottom(list);
  }

  toBottom(list) {
    const down = () => { list.scrollTop = list.scrollHeight; };
    down();
    for (const image of list.querySelectorAll("img")) if (!image.complete) image.addEventListener("load", down, { once: true });
  }

  emptyConversation(list, messages) {
    list.querySelector(".empty-place")?.remove();
    if (messages.length) return;
    const direct = this.state.channels.find((one) => one.id === this.place.channel)?.kind === "im";
    list.append(el("div", { class: "empty-place" },
      el("h3", {}, direct ? "Nothing from leasebot yet" : "Nothing has been posted here yet"),
      el("p", {}, direct
        ? "Lease and idle warnings, the progress of what you ask for, and cost charts arrive here."
        : "Requests for approval and the daily digest appear here, if this is a project's channel."),
      el("button", { type: "button", class: "btn btn-primary", on: { click: () => this.composer.take(direct ? "create" : "list") } },
        direct ? "Create a notebook" : "List notebooks")));
  }

  drawHome(ctx) {
    const { home } = this.state;
    const root = at("home");
    keyed(root, [home ?? { id: "none" }], {
      key: (view) => `${this.user}/${view.id ?? "home"}`,
      print: (view) => JSON.stringify([{ ...view, hash: null, state: null }, this.user, dayKey(ctx.now(), ctx.me.tz)]),
      render: (view) => (home ? el("div", { class: "home-inner", data: { viewId: view.id } }, renderBlocks(view.blocks, ctx.forView(view)))
        : el("div", { class: "empty-place" }, el("h3", {}, "App Home is empty so far"),
          el("p", {}, "leasebot draws it when it is opened: what needs attention, your running notebooks, stopped ones, settings."))),
    });
  }

  tick() {
    if (!this.state) return;
    const me = this.state.users.find((one) => one.id === this.user);
    this.clock.tick(this.now(), me?.tz ?? "UTC");
    this.cloud.tick(this.now());
  }

  remember() {
    const hash = new URLSearchParams({ user: this.user });
    if (this.place.home) hash.set("view", "home");
    if (this.place.channel) hash.set("channel", this.place.channel);
    history.replaceState(null, "", `#${hash}`);
  }

  // What people do.

  switchTo(user) {
    if (user === this.user) return;
    closePopup();
    this.places.set(this.user, this.place);
    this.user = user;
    this.place = this.places.get(user) ?? { ...this.place, channel: this.shared(this.place.channel) };
    if (this.place.home) this.openHome();
    else this.refresh();
  }

  shared(channel) {
    const known = this.state.channels.find((one) => one.id === channel);
    return known?.kind === "channel" ? channel : null;
  }

  showTour() {
    showTour(this.state.command ?? "/notebook");
  }

  openChannel(channel) {
    this.place = { home: false, channel };
    this.draw();
    at("composer").focus();
  }

  async openHome() {
    this.place = { ...this.place, home: true };
    if (this.state) this.draw();
    this.report(await api.home(this.user));
  }

  async command(text) {
    this.toBottom(at("messages"));
    this.report(await api.command({ user: this.user, channel: this.place.channel, text }));
  }

  async submit(view, button) {
    const sent = api.submit({ user: this.user, view_id: view.id, state: this.contexts.formOf(view.id).values() });
    const answer = await busyWhile(button, sent);
    const errors = answer.errors && Object.keys(answer.errors).length ? answer.errors : null;
    this.contexts.setErrors(view, errors);
    this.report(answer);
    if (errors) this.focusError(view.id);
  }

  async focusError(viewId) {
    await this.refresh();
    const shade = [...at("modals").children].find((one) => one.dataset.viewId === viewId);
    shade?.querySelector(".has-error [data-action-id]")?.focus();
  }

  async close(view) {
    this.contexts.setErrors(view, null);
    this.report(await api.close({ user: this.user, view_id: view.id }));
  }

  async push(ms) {
    this.report(await api.clock(ms));
    await this.refresh();
  }

  async activity(id, activity) {
    this.report(await api.activity(id, activity));
    await this.refresh();
  }

  report(answer, again = true) {
    const failure = failureIn(answer);
    if (failure === UNREACHABLE) this.sidebar.online(false);
    else if (failure) toast(failure);
    if (again) this.refresh();
  }

  // A notebook's name for the examples: one of this person's that runs, if there is one.
  example() {
    const me = this.state?.users.find((one) => one.id === this.user);
    const running = this.notebooks.filter((one) => one.status === "RUNNING");
    const first = me?.name.split(/\s/, 1)[0].toLowerCase();
    return (running.find((one) => String(one.owner).toLowerCase().includes(first)) ?? { name: "NAME" }).name;
  }
}

new Sandbox().start();
