// What all stages share: two browsers, one conversation, and an editor from the library that the service uses. A stage bears
// the marks that a scenario looks for, and nothing else of the service: it proves that the scenario is coherent, not that the
// live site still looks so.

// Whoever comes with a fresh profile is somebody else.
const me = localStorage.me ??= Math.random().toString(36).slice(2);

const element = (html) => {
  const holder = document.createElement('template');
  holder.innerHTML = html.trim();
  return holder.content.firstElementChild;
};

// The text of a message with its links, as every messenger shows it.
const show = (text, place) => {
  for (const word of text.split(/(\s+)/)) {
    if (!/^https?:/.test(word)) { place.append(word); continue; }
    const link = document.createElement('a');
    link.href = link.textContent = word;
    link.target = '_blank';
    place.append(link);
  }
};

const drawn = new Map();

// place: where the editor goes; attributes: those of its element; log: where messages go; byEnter: whether Enter sends;
// draw(message, isMine): an element of a message, not sent yet where it is mine; body(element): where its text goes;
// acknowledge(element, message): what shows that the service has it; change(text): the editor holds something else now.
const stage = async ({ place, attributes, log, byEnter = true, draw, body, acknowledge, change }) => {
  const add = (message, isMine) => {
    const made = draw(message, isMine);
    show(message.text, body(made));
    log.append(made);
    return made;
  };
  const send = async () => {
    const text = editor.text().trim();
    if (!text) return;
    editor.empty();
    // Drawn at once, as all of them do, whether or not the service will have it.
    const message = { id: `pending-${Date.now()}`, from: me, text };
    const made = add(message, true);
    const answer = await fetch('/stage/messages', { method: 'POST', body: JSON.stringify({ from: me, text }) });
    const known = await answer.json();
    drawn.set(known.id, made);
    acknowledge(made, known);
  };
  const editor = await Editor.mount(place, attributes, () => { if (byEnter) send(); });
  if (change) setInterval(() => change(editor.text()), 50);
  let sending = Promise.resolve();
  const look = async () => {
    await sending;
    const messages = await (await fetch('/stage/messages')).json();
    for (const message of messages) {
      if (drawn.has(message.id)) continue;
      // One of ours is drawn already, unless this page was loaded after it was sent.
      if (message.from === me && [...log.children].some((one) => one.textContent.includes(message.text))) continue;
      const made = add(message, message.from === me);
      drawn.set(message.id, made);
      if (message.from === me) acknowledge(made, message);
    }
    setTimeout(look, 150);
  };
  look();
  return { send: () => { sending = send(); } };
};
