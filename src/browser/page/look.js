// What is on the screen, and where. arguments: whether the rest is wanted too. Returns texts with their boxes, and what is to
// be covered whatever it shows; and of the rest fields, storage, what was loaded and the document, as they are.
const [whole] = arguments;
const MOST = 4000, LONGEST = 20000;
const found = [], fields = [], roots = [document];
let crowded = false;

const inView = (box) => box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
const put = (text, boxes, covered) => {
  const seen = Array.from(boxes).filter(inView).map((box) => [box.left, box.top, box.width, box.height]);
  if (!seen.length) return;
  crowded ||= found.length >= MOST || text.length > LONGEST;
  if (!crowded) found.push([text, covered, seen]);
};

// What shows things that no text is for: a code to sign in with is often a picture made on the spot.
const OPAQUE = new Set(['canvas', 'video', 'object', 'embed', 'iframe', 'frame', 'portal', 'fencedframe']);
const BUTTONS = new Set(['submit', 'button', 'reset', 'checkbox', 'radio', 'range', 'color', 'image', 'file']);
const madeHere = (address) => /^(url\(["']?)?(data|blob):/.test(address || '');
const isOpaque = (node, name) =>
  OPAQUE.has(name) ||
  (name === 'img' && madeHere(node.currentSrc || node.src)) ||
  (name === 'image' && madeHere(node.getAttribute('href') || node.getAttribute('xlink:href'))) ||
  // Its inside may be closed to us.
  (name.includes('-') && !node.shadowRoot && !node.childNodes.length);

const element = (node) => {
  const name = node.localName;
  const boxes = node.getClientRects();
  if (name === 'input' || name === 'textarea') {
    const button = name === 'input' && BUTTONS.has(node.type);
    const secret = node.type === 'password' || (!button && node.value !== '');
    put(node.value + ' ' + (node.placeholder || ''), boxes, secret);
    if (whole && fields.length < 100) fields.push([name, node.type || '', node.name || '', node.id || '', node.value.length]);
    return;
  }
  if (name === 'select') return put(Array.from(node.selectedOptions, (option) => option.text).join(' '), boxes, false);
  if (isOpaque(node, name)) return put('', boxes, true);
  if (name === 'img') put(node.alt || '', boxes, false);
  if (!boxes.length || !inView(boxes[0])) return;
  for (const part of ['::before', '::after', '::marker']) {
    const content = getComputedStyle(node, part).content;
    if (/["']/.test(content)) put(content, boxes, false);
  }
  if (!node.firstElementChild && madeHere(getComputedStyle(node).backgroundImage)) put('', boxes, true);
};

const range = document.createRange();
for (let nth = 0; nth < roots.length && nth < 2000; nth++) {
  const walker = document.createTreeWalker(roots[nth], NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node && !(crowded && !whole); node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) {
      if (!node.data.trim()) continue;
      range.selectNodeContents(node);
      put(node.data, range.getClientRects(), false);
      continue;
    }
    if (node.shadowRoot) roots.push(node.shadowRoot);
    if (!crowded || node.localName === 'input') element(node);
  }
}
const screen = { width: innerWidth, height: innerHeight, zoom: window.visualViewport ? visualViewport.scale : 1, crowded, found };
if (!whole) return screen;

const stored = (kind) => {
  try {
    const storage = window[kind];
    return Object.keys(storage).slice(0, 200).map((key) => [kind, key, storage.getItem(key).length]);
  } catch {
    return [];
  }
};
const page = () => {
  const top = document.documentElement;
  if (!top) return '';
  if (!top.getHTML) return top.outerHTML;
  const tag = top.cloneNode(false).outerHTML;
  const inside = top.getHTML({ serializableShadowRoots: true, shadowRoots: roots.slice(1) });
  return tag.replace(/<\/[^>]*>$/, '') + inside + `</${top.localName}>`;
};
const loaded = performance.getEntries().filter((entry) => entry.entryType === 'navigation' || entry.entryType === 'resource').slice(-300);
return {
  ...screen,
  url: location.href,
  title: document.title,
  fields,
  stored: [...stored('localStorage'), ...stored('sessionStorage')],
  loaded: loaded.map((entry) => [performance.timeOrigin + entry.startTime, entry.name, entry.initiatorType, entry.responseStatus || 0, Math.round(entry.duration)]),
  html: page().slice(0, 4000000),
};
