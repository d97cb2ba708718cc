// CKEditor 5, which makes links of addresses, as Teams has it.
import { AutoLink, Essentials, InlineEditor, Link, Paragraph } from 'ckeditor5';
import 'ckeditor5/ckeditor5.css';

export async function mount(host, attributes, enter) {
  const place = host.appendChild(document.createElement('div'));
  const editor = await InlineEditor.create(place, {
    licenseKey: 'GPL',
    plugins: [Essentials, Paragraph, Link, AutoLink],
    toolbar: [],
  });
  const view = editor.editing.view;
  view.change((writer) => {
    for (const [name, value] of Object.entries(attributes)) writer.setAttribute(name, value, view.document.getRoot());
  });
  view.document.on('enter', (event, data) => {
    if (data.isSoft) return;
    data.preventDefault();
    event.stop();
    enter();
  }, { priority: 'high' });
  const words = (block) => [...editor.model.createRangeIn(block).getItems()].map((item) => item.data ?? '').join('');
  return {
    text: () => [...editor.model.document.getRoot().getChildren()].map(words).join('\n'),
    empty: () => editor.setData(''),
  };
}
