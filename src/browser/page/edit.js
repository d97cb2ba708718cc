// Edits as a person's clipboard does: as a paste that the page's editor may take into the document that it keeps; where
// nobody takes it, through the browser's own editing, so that the page hears of it as of any input.
// arguments: element, 'focus' | 'insert' | 'empty', text. Returns whether the element took it.
const [element, what, text] = arguments;
const active = () => element.getRootNode().activeElement;
if (active() !== element && !element.contains(active())) element.focus();
if (what === 'focus') return true;
if (what === 'insert') {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', text);
  // Firefox knows the last two, and everybody else the one before.
  const paste = new ClipboardEvent('paste', {
    bubbles: true, cancelable: true, composed: true, clipboardData, dataType: 'text/plain', data: text,
  });
  if (paste.clipboardData?.getData('text/plain') !== text) Object.defineProperty(paste, 'clipboardData', { value: clipboardData });
  const into = element.contains(active()) ? active() : element;
  // Whoever takes it says so. What a script pastes is not inserted by the browser itself.
  if (!into.dispatchEvent(paste)) return true;
  return document.execCommand('insertText', false, text);
}
if (element.select) element.select();
else getSelection().selectAllChildren(element);
return document.execCommand('delete');
