// Quill, as Slack has it.
import Quill from 'quill';

export function mount(host, attributes, enter) {
  const place = host.appendChild(document.createElement('div'));
  const bindings = { send: { key: 'Enter', shiftKey: false, handler: () => { enter(); return false; } } };
  const editor = new Quill(place, { modules: { toolbar: false, keyboard: { bindings } } });
  for (const [name, value] of Object.entries(attributes)) editor.root.setAttribute(name, value);
  return {
    // The last line break is Quill's own.
    text: () => editor.getText().replace(/\n$/, ''),
    empty: () => editor.setText(''),
  };
}
