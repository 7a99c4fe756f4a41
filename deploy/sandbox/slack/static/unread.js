// What each person has not looked at yet, as far as this page knows; before the first look the server's count stands.

export class Unread {
  constructor() {
    this.seen = new Map(); // user/channel -> newest ts that was on screen
    this.start = null; // instant of the first state, in seconds: older messages count only if the server says so
    this.counts = new Map();
    this.people = {}; // user -> everything unread, for those one does not act as
  }

  /** Count what waits for somebody else; answers whether that changed. */
  glance(user, state) {
    if (this.start === null) return false;
    const total = state.channels.reduce((sum, channel) => sum
      + this.left(`${user}/${channel.id}`, user, channel, state.messages[channel.id] ?? []), 0);
    const changed = this.people[user] !== total;
    this.people[user] = total;
    return changed;
  }

  update(user, state, place, visible) {
    this.start ??= state.now_ms / 1000;
    this.counts.clear();
    for (const channel of state.channels) {
      const messages = state.messages[channel.id] ?? [];
      const key = `${user}/${channel.id}`;
      if (visible && !place.home && place.channel === channel.id) this.seen.set(key, newest(messages));
      this.counts.set(channel.id, this.left(key, user, channel, messages));
    }
  }

  left(key, user, channel, messages) {
    const seen = this.seen.get(key);
    const since = seen ?? this.start;
    const fresh = messages.filter((one) => Number(one.ts) > since && one.user !== user && !one.ephemeral).length;
    return seen === undefined ? Math.max(fresh, Number(channel.unread) || 0) : fresh;
  }

  count(channel) {
    return this.counts.get(channel.id) ?? 0;
  }
}

const newest = (messages) => messages.reduce((top, one) => Math.max(top, Number(one.ts)), 0);
