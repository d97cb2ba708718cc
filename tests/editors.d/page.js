// A page around one editor: Enter sends what the editor's own model holds, and what it holds is told all the time.
const held = document.querySelector('#held');
const sent = document.querySelector('#sent');
const messages = [];

const attributes = { role: 'textbox', 'aria-label': 'Message', 'data-composer': 'yes' };

// Two open shadow roots, one in the other.
const hidden = (host) => ['x-app', 'x-room'].reduce((around, name) => {
  const inner = around.appendChild(document.createElement(name));
  inner.style.display = 'block';
  return inner.attachShadow({ mode: 'open' });
}, host);

const begin = async () => {
  const host = document.querySelector('#host');
  const root = host.dataset.shadow === undefined ? host : hidden(host);
  const place = root.appendChild(document.createElement('div'));
  const editor = await Editor.mount(place, attributes, () => {
    messages.push(editor.text());
    editor.empty();
    sent.textContent = JSON.stringify(messages);
  });
  setInterval(() => { held.textContent = JSON.stringify(editor.text()); }, 20);
};

begin();
