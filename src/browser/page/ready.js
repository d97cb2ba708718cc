// Whether an element can be acted on now. arguments: element, whether text is to go in. Returns '' or what is wrong.
const [element, typing] = arguments;
if (!element.isConnected) return 'gone';
if (!element.checkVisibility({ visibilityProperty: true })) return 'hidden';
if (element.matches(':disabled') || element.closest('[aria-disabled=true],[inert]')) return 'disabled';
if (typing) return element.readOnly ? 'read-only' : '';

element.scrollIntoViewIfNeeded ? element.scrollIntoViewIfNeeded() : element.scrollIntoView({ block: 'center' });
const box = element.getClientRects()[0];
if (!box) return 'hidden';
const middle = (from, to, limit) => (Math.max(0, from) + Math.min(limit, to)) / 2;
const x = middle(box.left, box.right, innerWidth);
const y = middle(box.top, box.bottom, innerHeight);
// A click meets the topmost element, whose shadow roots hide what is really there.
let top = document.elementFromPoint(x, y);
while (top && top.shadowRoot) {
  const inner = top.shadowRoot.elementFromPoint(x, y);
  if (!inner || inner === top) break;
  top = inner;
}
for (let node = top; node; node = node.assignedSlot || node.parentNode || node.host) if (node === element) return '';
return top ? `covered by <${top.localName}>` : 'out of sight';
