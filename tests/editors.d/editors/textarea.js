// A plain text area whose value React holds, as X has it.
import { createElement, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

export function mount(host, attributes, enter) {
  const held = {};
  const Composer = () => {
    const [value, setValue] = useState('');
    const latest = useRef('');
    const change = (next) => { latest.current = next; setValue(next); };
    held.text = () => latest.current;
    held.empty = () => change('');
    const onKeyDown = (event) => {
      if (event.key !== 'Enter' || event.shiftKey) return;
      event.preventDefault();
      enter();
    };
    return createElement('textarea', { ...attributes, value, onKeyDown, onChange: (event) => change(event.target.value) });
  };
  flushSync(() => createRoot(host).render(createElement(Composer)));
  return { text: () => held.text(), empty: () => held.empty() };
}
