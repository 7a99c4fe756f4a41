// The sandbox server's page API. Every request carries the token that came with the page's address.

const token = new URLSearchParams(location.search).get("token") ?? "";

/** `error` of an answer when the sandbox is not there; the page says so beside its name. */
export const UNREACHABLE = "unreachable";

async function call(method, path, body) {
  const headers = { "X-Sandbox-Token": token };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sent = body === undefined ? undefined : JSON.stringify(body);
  let response;
  let text;
  try {
    response = await fetch(`/_page/${path}`, { method, headers, body: sent });
    text = await response.text();
  } catch {
    return { error: UNREACHABLE };
  }
  const answer = text ? parse(text) : {};
  if (!response.ok && answer.error === undefined) return { ...answer, error: `http_${response.status}` };
  return answer;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { error: text.slice(0, 200) };
  }
}

export const api = {
  state: (user) => call("GET", `state?user=${encodeURIComponent(user)}`),
  command: (body) => call("POST", "command", body),
  action: (body) => call("POST", "action", body),
  submit: (body) => call("POST", "submit", body),
  close: (body) => call("POST", "close", body),
  suggest: (body) => call("POST", "suggest", body),
  home: (user) => call("POST", "home", { user }),
  clock: (advance_ms) => call("POST", "clock", { advance_ms }),
  cloud: () => call("GET", "cloud"),
  activity: (notebook_id, activity) => call("POST", "cloud", { notebook_id, activity }),
};

/** Call `changed` whenever the server says so, and `line` with true/false as the connection comes and goes. */
export function listen(changed, line) {
  const source = new EventSource(`/_page/events?token=${encodeURIComponent(token)}`);
  source.addEventListener("open", () => line(true));
  source.addEventListener("error", () => line(false));
  source.addEventListener("message", () => changed());
  window.addEventListener("pagehide", () => source.close());
  return source;
}

/** Address of a picture on this server, with the token; null for any other origin: the page fetches nothing else. */
export function ownUrl(address) {
  let url;
  try {
    url = new URL(address, location.href);
  } catch {
    return null;
  }
  if (url.origin !== location.origin) return null;
  url.searchParams.set("token", token);
  return url.href;
}

/** The address if a link may lead there, else null (no javascript:, data: and the like). */
export function safeLink(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
