// Slate, as Discord has it.
import { createElement, useMemo } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { Editor, Node, Transforms, createEditor } from 'slate';
import { withHistory } from 'slate-history';
import { Editable, Slate, withReact } from 'slate-react';

const EMPTY = [{ type: 'paragraph', children: [{ text: '' }] }];

export function mount(host, attributes, enter) {
  let editor;
  const Composer = () => {
    editor = useMemo(() => withHistory(withReact(createEditor())), []);
    const onKeyDown = (event) => {
      if (event.key !== 'Enter' || event.shiftKey) return;
      event.preventDefault();
      enter();
    };
    return createElement(Slate, { editor, initialValue: EMPTY },
      createElement(Editable, { ...attributes, onKeyDown }));
  };
  flushSync(() => createRoot(host).render(createElement(Composer)));
  return {
    text: () => editor.children.map((block) => Node.string(block)).join('\n'),
    empty: () => Transforms.delete(editor, { at: { anchor: Editor.start(editor, []), focus: Editor.end(editor, []) } }),
  };
}
