// Keys, and the next question without loading the page. Everything works without this file too, by plain forms.
"use strict";

const BETWEEN_ANSWERS = 200; // ms: a key that bounces, or is pressed twice, does not answer the next question
const GIVE_UP_AFTER = 10000; // ms for one try
const LOOK_EVERY = 4000; // ms between two looks for a new question
const AWAY_AFTER = 15 * 60000; // ms without a key or a touch: nobody sits here
const RENEW_EVERY = 60000; // ms

const one = (selector, root = document) => root.querySelector(selector);
const stage = one("#stage");
const banner = one("#banner");
let isSending = false;
let lastAnswer = 0;
let lastUsed = Date.now();
let tryNow = () => {};

function say(text, isBad = false) {
  if (!banner.hidden && banner.textContent === text) return;
  banner.textContent = text;
  banner.classList.toggle("bad", isBad);
  banner.hidden = !text;
}

function show(html) {
  stage.innerHTML = html;
  const now = one(".stage", stage);
  one("#spoken").textContent = now.dataset.spoken || "";
  const heading = one("h1", stage);
  if (heading) heading.focus({ preventScroll: true });
  scrollTo(0, 0);
  performance.mark("shown");
}

// Asks until there is an answer: what was pressed is kept in this page, and is the same when it comes twice.
async function ask(url, body) {
  for (let pause = 500; ; pause = Math.min(2 * pause, 8000)) {
    try {
      const answer = await fetch(url, {
        method: body ? "POST" : "GET",
        body,
        headers: { "X-Fragment": "1" },
        redirect: "manual",
        cache: "no-store",
        signal: AbortSignal.timeout(GIVE_UP_AFTER),
      });
      if (answer.status < 500 && ![408, 429].includes(answer.status) && answer.type !== "opaqueredirect") {
        say("");
        return answer;
      }
    } catch {
      // No connection, or too slow a one.
    }
    say(body ? "No connection. Your answer is kept in this page and is sent again." : "No connection. Trying again.");
    await new Promise((done) => {
      const timer = setTimeout(done, pause);
      tryNow = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}

async function go(url, body) {
  if (isSending) return;
  isSending = true;
  stage.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(url, body);
    if (answer.status === 401 || answer.status === 403) {
      say("You are logged out, and this answer was not kept. Load the page again to log in.", true);
    } else if (answer.headers.get("content-type")?.startsWith("text/html")) {
      show(await answer.text());
    }
  } finally {
    isSending = false;
    stage.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-upload]")) {
    const file = one("input[type=file]", form).files[0];
    if (file && file.size > Number(form.dataset.most)) {
      event.preventDefault();
      say(`The file is too long: ${(file.size / 1e6).toFixed(1)} MB.`, true);
    }
    return;
  }
  if (!stage || !form.matches("[data-swap]")) return;
  event.preventDefault();
  if (isSending || performance.now() - lastAnswer < BETWEEN_ANSWERS) return;
  lastAnswer = performance.now();
  performance.mark("pressed");
  if (event.submitter) event.submitter.classList.add("chosen");
  const url = event.submitter?.getAttribute("formaction") || form.getAttribute("action");
  go(url, new URLSearchParams(new FormData(form, event.submitter)));
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys]")) {
    localStorage.setItem("keys", keysAreOff() ? "on" : "off");
    showSwitch();
  }
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  if (stage && link.matches("[data-swap]")) {
    event.preventDefault();
    go(link.getAttribute("href"));
  } else if (link.matches("[data-help]")) {
    event.preventDefault();
    help();
  }
});

async function help() {
  const dialog = one("#help");
  const answer = await fetch("/help", { headers: { "X-Fragment": "1" }, cache: "no-store" }).catch(() => null);
  if (!answer || !answer.ok) return;
  one("#help-body").innerHTML = await answer.text();
  showSwitch();
  if (!dialog.open) dialog.showModal();
}

// Keys: what has one says so itself (data-key).
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const target = event.target instanceof Element ? event.target : document.body;
  const dialog = one("dialog[open]");
  if (dialog) {
    if (event.key === "?") dialog.close();
    return;
  }
  if (target.matches("input, textarea, select")) {
    if (event.key === "Escape") leave(target);
    if (event.key === "Enter" && target.matches("[data-filter]")) {
      event.preventDefault();
      one(".class.first", stage)?.click();
    }
    return;
  }
  if (event.key === " " && target.closest("button, a, summary")) return;
  if (keysAreOff()) return;
  // The row of digits, whatever the keyboard's language puts there.
  const key = /^Digit\d$/.test(event.code) && !event.shiftKey ? event.code.slice(-1) : event.key;
  let wanted = [...document.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key);
  if (!wanted && /^\p{L}$/u.test(key)) {
    wanted = one("[data-filter]");
    if (wanted) return wanted.focus(); // the letter itself goes there
  }
  if (!wanted) return;
  event.preventDefault();
  if (event.repeat) return;
  if (wanted.matches("input")) wanted.focus();
  else wanted.click();
});

// Who speaks to their computer, or whose reader has keys of its own, can switch ours off.
const keysAreOff = () => localStorage.getItem("keys") === "off";

function showSwitch() {
  const button = one("[data-keys]");
  if (!button) return;
  button.hidden = false;
  button.textContent = keysAreOff() ? "Switch the keys on" : "Switch the keys off";
}

function leave(input) {
  input.value = "";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.blur();
}

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-filter]")) return;
  const typed = event.target.value.trim().toLowerCase();
  const words = typed.split(/\s+/);
  let first = null;
  for (const button of stage.querySelectorAll(".classes .class")) {
    const name = button.value.toLowerCase();
    button.hidden = !words.every((word) => name.includes(word));
    button.classList.remove("first");
    // One that begins with it comes before one that holds it.
    if (!button.hidden && typed && (!first || (name.startsWith(typed) && !first.value.toLowerCase().startsWith(typed)))) first = button;
  }
  one("[data-none]", stage).hidden = !typed || Boolean(first);
  if (first) {
    first.classList.add("first");
    first.scrollIntoView({ block: "nearest" });
  }
});

for (const kind of ["keydown", "pointerdown", "scroll"]) {
  addEventListener(kind, () => { lastUsed = Date.now(); }, { passive: true });
}
addEventListener("online", () => tryNow());
addEventListener("beforeunload", (event) => {
  if (isSending && !banner.hidden) event.preventDefault();
});

// On a phone the menu is wider than the page.
const menu = one(".top nav");
const current = menu && one("[aria-current]", menu);
if (current) menu.scrollLeft = current.offsetLeft - menu.offsetLeft - 16;

showSwitch();

const isUsed = (within) => document.visibilityState === "visible" && Date.now() - lastUsed < within;

if (stage) {
  // A new question shows up by itself, as long as somebody sits here to answer it.
  setInterval(async () => {
    const waiting = one("[data-waiting]", stage);
    if (!waiting || isSending) return;
    if (!isUsed(AWAY_AFTER)) {
      waiting.textContent = "Looking for questions has stopped. Press a key or touch the page to go on.";
      return;
    }
    const answer = await fetch("/?wait=1", { headers: { "X-Fragment": "1" }, redirect: "manual", cache: "no-store" }).catch(() => null);
    if (isSending || !one("[data-waiting]", stage)) return;
    if (!answer || answer.status >= 500) return say("No connection. Trying again.");
    say("");
    if (answer.status === 401) location.assign("/login");
    else if (answer.status === 200) show(await answer.text());
    else if (answer.status === 204) waiting.textContent = "A new question will show up here by itself.";
  }, LOOK_EVERY);

  // The lease is renewed while somebody is at it.
  setInterval(async () => {
    const form = one("form[data-swap]", stage);
    const request = one(".stage", stage)?.dataset.request;
    if (!form || !request || isSending || !isUsed(2 * RENEW_EVERY)) return;
    const body = new URLSearchParams({ token: form.elements.token.value, request_id: request });
    const answer = await fetch("/renew", { method: "POST", body, headers: { "X-Fragment": "1" }, redirect: "manual" }).catch(() => null);
    if (one(".stage", stage)?.dataset.request !== request) return;
    if (answer?.status === 409) say("Somebody else looks at this question by now: your answer may come second.");
    if (answer?.status === 401) say("You are logged out. Load the page again to log in.", true);
  }, RENEW_EVERY);
}

const refreshed = one("[data-refresh]");
if (refreshed) {
  setInterval(async () => {
    if (document.visibilityState !== "visible") return;
    const answer = await fetch(refreshed.dataset.refresh, { headers: { "X-Fragment": "1" }, cache: "no-store" }).catch(() => null);
    if (answer?.ok) refreshed.innerHTML = await answer.text();
    say(answer && answer.status < 500 ? "" : "No connection. What is shown is older.");
  }, 1000 * Number(refreshed.dataset.every));
}

const login = one("[data-login]");
if (login) {
  // The token in the link never reaches a server's log: what follows # is not sent. It is taken out of the address.
  const takeToken = () => {
    let token = location.hash.slice(1);
    try {
      token = decodeURIComponent(token);
    } catch {
      // No encoding: a link that was cut or changed on its way. The server says that it is nobody's.
    }
    if (!token) return false;
    history.replaceState(null, "", location.pathname);
    login.elements.token.value = token;
    one("button", login).focus();
    return true;
  };
  addEventListener("hashchange", takeToken);
  // A link from elsewhere comes without the cookie: whoever is logged in goes on.
  if (!takeToken()) {
    fetch("/here", { headers: { "X-Fragment": "1" } }).then((answer) => {
      if (answer.status === 204) location.replace("/");
    }, () => {});
  }
}
