// TipTap with its starter kit, which makes links of addresses, as Zoom has it.
import { Editor, Extension } from '@tiptap/core';
import StarterKit from '@tiptap/starter-kit';

export function mount(host, attributes, enter) {
  const send = Extension.create({
    name: 'send',
    priority: 1000,
    addKeyboardShortcuts: () => ({ Enter: () => { enter(); return true; } }),
  });
  const editor = new Editor({ element: host, extensions: [StarterKit, send], editorProps: { attributes } });
  return {
    text: () => editor.getText({ blockSeparator: '\n' }),
    empty: () => editor.commands.clearContent(true),
  };
}
