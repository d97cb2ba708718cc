// Lexical, as WhatsApp, Messenger and Instagram have it.
import { $createParagraphNode, $getRoot, COMMAND_PRIORITY_HIGH, KEY_ENTER_COMMAND, createEditor } from 'lexical';
import { createEmptyHistoryState, registerHistory } from '@lexical/history';
import { registerPlainText } from '@lexical/plain-text';

export function mount(host, attributes, enter) {
  const box = host.appendChild(document.createElement('div'));
  box.contentEditable = 'true';
  box.style.whiteSpace = 'pre-wrap';
  for (const [name, value] of Object.entries(attributes)) box.setAttribute(name, value);
  const editor = createEditor({ namespace: 'composer', onError: (error) => { throw error; } });
  editor.setRootElement(box);
  registerPlainText(editor);
  registerHistory(editor, createEmptyHistoryState(), 300);
  editor.registerCommand(KEY_ENTER_COMMAND, (event) => {
    if (event && event.shiftKey) return false;
    event?.preventDefault();
    enter();
    return true;
  }, COMMAND_PRIORITY_HIGH);
  return {
    text: () => editor.getEditorState().read(() => $getRoot().getTextContent()),
    empty: () => editor.update(() => {
      const paragraph = $createParagraphNode();
      $getRoot().clear().append(paragraph);
      paragraph.select();
    }),
  };
}
