// Edits as a person's clipboard does: through the browser's own editing, so that the page hears of it as of any input.
// arguments: element, 'focus' | 'insert' | 'empty', text. Returns whether the element took it.
const [element, what, text] = arguments;
const active = element.getRootNode().activeElement;
if (active !== element && !element.contains(active)) element.focus();
if (what === 'focus') return true;
if (what === 'insert') return document.execCommand('insertText', false, text);
if (element.select) element.select();
else getSelection().selectAllChildren(element);
return document.execCommand('delete');
