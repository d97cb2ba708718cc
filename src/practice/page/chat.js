// The client of the practice messenger. Whatever anybody wrote is put on the page as text, never as markup.
"use strict";

const at = (id) => document.getElementById(id);
const room = at("room"), entry = at("entry"), list = at("messages"), composer = at("composer");

// The same rule as the server's.
const LINK = /https?:\/\/[^\s<>"]*[^\s<>".,;:!?)'\]]/g;
// A pause in typing, after which what is written counts as a draft. Text that comes at once does so at once.
const PAUSE = 150;

let told = { change: 0, messages: null };
let open = false;
let asking = null;

// ---------------------------------------------------------------- news

async function listen() {
  for (;;) {
    asking = new AbortController();
    try {
      const answer = await fetch(`/api/chat?since=${told.change}&open=${open}`, { signal: asking.signal });
      if (answer.status === 401) return location.assign("/");
      if (!answer.ok) throw new Error(answer.statusText);
      const news = await answer.json();
      at("offline").hidden = true;
      told = news;
      show();
    } catch (error) {
      if (error.name === "AbortError") continue;
      at("offline").hidden = false;
      await new Promise((resume) => setTimeout(resume, 1000));
    }
  }
}

// Asks again from the start: what is to be shown has changed on this side.
function again() {
  told.change = 0;
  asking?.abort();
}

function post(path, what) {
  return fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(what) });
}

// ---------------------------------------------------------------- what is seen

function show() {
  at("me").textContent = told.me;
  at("peer").textContent = told.peer;
  entry.disabled = false;
  entry.querySelector(".who").textContent = told.peer;
  for (const face of document.querySelectorAll(".face")) face.textContent = told.peer[0].toUpperCase();
  const unread = entry.querySelector(".unread");
  unread.hidden = told.unread === 0;
  unread.textContent = `${told.unread} new`;
  document.title = told.unread ? `(${told.unread}) Practice chat` : "Practice chat";
  if (open && told.messages) showMessages(told.messages);
}

function showMessages(messages) {
  const low = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const shown = new Map([...list.children].map((item) => [item.dataset.id, item]));
  for (const message of messages) {
    let item = shown.get(String(message.id));
    if (!item) {
      item = made(message);
      list.append(item);
      if (isFor("recipient", message) && message.tick !== "read") preview(item, message);
    }
    update(item, message);
  }
  if (low) list.scrollTop = list.scrollHeight;
  const unread = messages.filter((message) => !message.own && message.tick !== "read");
  if (unread.length) post("/api/read", { up_to: unread.at(-1).id });
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function made(message) {
  const item = element("li", message.own ? "own" : "theirs");
  item.dataset.id = message.id;
  item.dataset.testid = message.own ? "own" : "theirs";
  // As long as the conversation stays open, what came since it was last is told apart.
  if (!message.own && message.tick !== "read") item.dataset.new = "";
  const text = element("p", "text");
  text.dataset.testid = "text";
  text.append(...withLinks(message.text));
  const foot = element("p", "foot");
  const time = element("time", "", new Date(message.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = message.at;
  foot.append(time);
  if (message.own) foot.append(element("span", "tick"));
  item.append(text, foot);
  return item;
}

function withLinks(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    const link = element("a", "", found[0]);
    link.href = found[0];
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    parts.push(text.slice(from, found.index), link);
    from = found.index + found[0].length;
  }
  return [...parts, text.slice(from)];
}

const TICKS = { sent: "✓", delivered: "✓✓", read: "✓✓" };

function update(item, message) {
  const tick = item.querySelector(".tick");
  if (tick && tick.dataset.testid !== `tick-${message.tick}`) {
    tick.dataset.testid = `tick-${message.tick}`;
    tick.textContent = TICKS[message.tick];
    tick.title = message.tick;
    tick.setAttribute("role", "img");
    tick.setAttribute("aria-label", message.tick);
  }
  if (message.card && !item.querySelector(".card")) showCard(item, message.card);
}

function showCard(item, card) {
  const made = element("div", "card");
  made.dataset.testid = "card";
  if (card.image) {
    const image = element("img");
    image.src = card.image;
    image.alt = "";
    made.append(image);
  }
  made.append(element("strong", "", card.title));
  if (card.description) made.append(element("span", "", card.description));
  item.insertBefore(made, item.querySelector(".foot"));
}

// ---------------------------------------------------------------- links that a page fetches by itself

function isFor(account, message) {
  return told.page_of === account && message.own === (account === "sender");
}

function preview(item, message) {
  for (const link of message.text.match(LINK) ?? []) {
    fetchLink(link);
    showCard(item, { title: new URL(link).host, description: "" });
  }
}

function fetchLink(link) {
  const way = { mode: "no-cors", credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" };
  fetch(link, way).catch(() => {});
}

// ---------------------------------------------------------------- writing

let pause = null;

function tellDraft() {
  clearTimeout(pause);
  if (told.drafts && composer.value) post("/api/draft", { text: composer.value });
}

composer.addEventListener("input", (event) => {
  at("send").disabled = composer.value.trim() === "";
  composer.style.height = "auto";
  composer.style.height = `${Math.min(composer.scrollHeight, 160)}px`;
  clearTimeout(pause);
  if (event.inputType === "insertFromPaste" || (event.data ?? "").length > 1) tellDraft();
  else pause = setTimeout(tellDraft, PAUSE);
});

composer.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  at("compose").requestSubmit();
});

at("compose").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = composer.value.trim();
  if (!text) return;
  clearTimeout(pause);
  composer.value = "";
  composer.style.height = "auto";
  at("send").disabled = true;
  if (told.page_of === "sender") for (const link of text.match(LINK) ?? []) fetchLink(link);
  const sent = await post("/api/messages", { text }).catch(() => null);
  at("said").textContent = sent?.ok ? "" : "The message was not sent.";
  if (!sent?.ok && !composer.value) composer.value = text;
});

// ---------------------------------------------------------------- opening and closing

function turn(to) {
  open = to;
  room.hidden = !open;
  at("nothing").hidden = open;
  document.body.classList.toggle("open", open);
  entry.setAttribute("aria-expanded", String(open));
  list.replaceChildren();
  (open ? composer : entry).focus();
  again();
}

entry.addEventListener("click", () => turn(true));
at("close").addEventListener("click", () => turn(false));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && open) turn(false);
});

listen();
