// Keeps the page as the journal is: each region that changed comes as HTML that the server has escaped, and is merged
// into what is shown, so that focus, selection and what is unfolded stay.

const connection = document.getElementById("connection");
const announcer = document.getElementById("announcer");
const AGAIN = 5000; // milliseconds until a stream that was refused is asked for again
const SILENCE = 30000; // after which one that says nothing is taken to be broken

let stream = null;
let digest = document.body.dataset.digest;
let headline = document.body.dataset.headline;
let watchdog = 0;

function say(state, text) {
  if (connection.textContent === text) return;
  connection.className = `connection ${state}`;
  connection.textContent = text;
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key ?? null : null;
}

function isAlike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);
}

function mergeAttributes(shown, wanted) {
  for (const { name } of [...shown.attributes]) {
    const unfolded = name === "open" && shown.nodeName === "DETAILS";
    if (!unfolded && !wanted.hasAttribute(name)) shown.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
}

function merge(shown, wanted) {
  if (shown.nodeType !== Node.ELEMENT_NODE) {
    if (shown.nodeValue !== wanted.nodeValue) shown.nodeValue = wanted.nodeValue;
    return;
  }
  mergeAttributes(shown, wanted);
  mergeChildren(shown, wanted);
}

function mergeChildren(shown, wanted) {
  const keyed = new Map();
  for (const child of shown.children) if (keyOf(child) !== null) keyed.set(keyOf(child), child);
  let next = shown.firstChild;
  for (const child of [...wanted.childNodes]) {
    const known = keyed.get(keyOf(child));
    const found = known && known.nodeName === child.nodeName ? known : next && isAlike(next, child) ? next : null;
    if (found === null) {
      shown.insertBefore(child, next);
    } else {
      if (found === next) next = next.nextSibling;
      else shown.insertBefore(found, next);
      merge(found, child);
    }
  }
  while (next !== null) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

function show(told) {
  for (const [name, html] of Object.entries(told.regions)) {
    const region = document.querySelector(`[data-region="${name}"]`);
    const wanted = new DOMParser().parseFromString(html, "text/html").body;
    if (region !== null) mergeChildren(region, wanted);
  }
  if (told.headline !== headline) {
    headline = told.headline;
    announcer.textContent = headline;
  }
}

function heard() {
  clearTimeout(watchdog);
  watchdog = setTimeout(reopen, SILENCE);
}

function reopen() {
  close();
  if (!document.hidden) open();
}

function close() {
  clearTimeout(watchdog);
  if (stream !== null) stream.close();
  stream = null;
}

function on(name, act) {
  stream.addEventListener(name, (event) => {
    heard();
    if (event.lastEventId) digest = event.lastEventId;
    act(JSON.parse(event.data));
  });
}

function open() {
  stream = new EventSource(`${document.body.dataset.events}&since=${digest}`);
  on("regions", (told) => {
    show(told);
    say("live", "live");
  });
  on("same", () => say("live", "live"));
  on("beat", () => {});
  on("trouble", (told) => say("broken", `as of before: ${told.what}`));
  stream.onerror = () => {
    say("broken", "not connected, trying again");
    clearTimeout(watchdog);
    if (stream.readyState === EventSource.CLOSED) watchdog = setTimeout(reopen, AGAIN);
  };
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : reopen()));
addEventListener("pagehide", close);
addEventListener("pageshow", (event) => event.persisted && reopen());
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  for (const button of event.target.querySelectorAll("button")) button.disabled = true; // an abort may take a while
});

say("", "connecting");
open();
