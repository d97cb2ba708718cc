// ProseMirror by itself, as Telegram Web A has it.
import { baseKeymap, chainCommands } from 'prosemirror-commands';
import { history } from 'prosemirror-history';
import { keymap } from 'prosemirror-keymap';
import { schema } from 'prosemirror-schema-basic';
import { EditorState } from 'prosemirror-state';
import { EditorView } from 'prosemirror-view';

export function mount(host, attributes, enter) {
  const send = () => { enter(); return true; };
  const plugins = [history(), keymap({ Enter: send }), keymap({ ...baseKeymap, 'Shift-Enter': chainCommands(baseKeymap.Enter) })];
  const view = new EditorView(host, { state: EditorState.create({ schema, plugins }), attributes });
  view.dom.style.whiteSpace = 'pre-wrap';
  return {
    text: () => view.state.doc.textBetween(0, view.state.doc.content.size, '\n'),
    empty: () => view.dispatch(view.state.tr.delete(0, view.state.doc.content.size)),
  };
}
