// Draft.js, as X had it for direct messages.
import { ContentState, Editor, EditorState } from 'draft-js';
import { createElement, useRef, useState } from 'react';
import { render } from 'react-dom';
import 'draft-js/dist/Draft.css';

export function mount(host, attributes, enter) {
  const held = {};
  const Composer = () => {
    const [state, setState] = useState(() => EditorState.createEmpty());
    const latest = useRef(state);
    const change = (next) => { latest.current = next; setState(next); };
    held.text = () => latest.current.getCurrentContent().getPlainText();
    held.empty = () => change(EditorState.moveFocusToEnd(
      EditorState.push(latest.current, ContentState.createFromText(''), 'remove-range')));
    const handleReturn = (event) => {
      if (event.shiftKey) return 'not-handled';
      enter();
      return 'handled';
    };
    return createElement(Editor, { editorState: state, onChange: change, handleReturn });
  };
  render(createElement(Composer), host);
  const box = host.querySelector('[contenteditable]');
  for (const [name, value] of Object.entries(attributes)) box.setAttribute(name, value);
  return { text: () => held.text(), empty: () => held.empty() };
}
