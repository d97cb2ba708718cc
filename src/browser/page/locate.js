// Looks once for one alternative of a target. Runs in a page that may be hostile, so nothing is kept in it.
// arguments[0]: { by, value, attr, roots, text, nth, visible, limit }
// Returns { count, elements } with at most `limit` elements, or { error }.
const ask = arguments[0];
const roots = ask.roots || [document];

const fold = (text) => (text || '').replace(/[\s\u00a0\u200b\ufeff]+/g, ' ').trim();
const all = (root, css) => [...root.querySelectorAll(css)];
const control = 'input,textarea,select,button,[contenteditable],[role=textbox],[role=searchbox],[role=combobox]';

// Which elements can have a role without saying so; the browser itself decides afterwards.
const implicit = {
  article: 'article', banner: 'header', button: 'button,summary,input', cell: 'td', checkbox: 'input',
  columnheader: 'th', combobox: 'select,input', complementary: 'aside', contentinfo: 'footer', dialog: 'dialog',
  form: 'form', group: 'fieldset,details,optgroup', heading: 'h1,h2,h3,h4,h5,h6', img: 'img,svg', image: 'img,svg',
  link: 'a[href],area[href]', list: 'ul,ol,menu', listbox: 'select', listitem: 'li', main: 'main', navigation: 'nav',
  option: 'option', paragraph: 'p', progressbar: 'progress', radio: 'input', region: 'section', row: 'tr',
  search: 'search', searchbox: 'input', separator: 'hr', slider: 'input', spinbutton: 'input', status: 'output',
  table: 'table', textbox: 'input,textarea,[contenteditable]',
};

// An element is seen when it, or something in it that is laid out elsewhere, takes up room.
const seen = (element) => {
  if (!element.isConnected || !element.checkVisibility({ visibilityProperty: true })) return false;
  const box = element.getBoundingClientRect();
  return (box.width > 0 && box.height > 0) || [...element.children, ...(element.shadowRoot ? element.shadowRoot.children : [])].some(seen);
};

// All text below a node, through open shadow roots; what a control holds counts as its text.
const words = (node) => {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.nodeName === 'SCRIPT' || node.nodeName === 'STYLE') return '';
  const value = /^(INPUT|TEXTAREA)$/.test(node.nodeName) && node.type !== 'password' ? node.value : '';
  return value + [...(node.shadowRoot ? node.shadowRoot.childNodes : []), ...node.childNodes].map(words).join('');
};

const own = (element) => [...element.childNodes].map((node) => (node.nodeType === Node.TEXT_NODE ? node.data : '')).join('');

const shadows = (root) => [
  root,
  ...(root.shadowRoot ? shadows(root.shadowRoot) : []),
  ...all(root, '*').flatMap((element) => (element.shadowRoot ? shadows(element.shadowRoot) : [])),
];

const labels = (element) => {
  const named = (element.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean)
    .map((id) => element.getRootNode().getElementById(id)).filter(Boolean);
  return [element.getAttribute('aria-label'), named.map((label) => label.textContent).join(' '),
    ...[...(element.labels || [])].map((label) => label.textContent)].map(fold);
};

const finders = {
  css: (root) => all(root, ask.value),
  xpath: (root) => {
    const found = document.evaluate(ask.value, root, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE, null);
    return Array.from({ length: found.snapshotLength }, (_, index) => found.snapshotItem(index))
      .filter((node) => node.nodeType === Node.ELEMENT_NODE);
  },
  testid: (root) => all(root, `[${ask.attr}="${CSS.escape(ask.value)}"]`),
  role: (root) => all(root, `[role~="${CSS.escape(ask.value)}"]` + (implicit[ask.value] ? `,${implicit[ask.value]}` : '')),
  text: (root) => all(root, '*').filter((element) => !/^(SCRIPT|STYLE|TITLE)$/.test(element.nodeName)
    && (fold(own(element)) === fold(ask.value)
      || (element.nodeName === 'INPUT' && /^(button|submit|reset)$/.test(element.type) && fold(element.value) === fold(ask.value)))),
  label: (root) => all(root, control).filter((element) => labels(element).includes(fold(ask.value))),
  placeholder: (root) => all(root, '[placeholder],[aria-placeholder],[data-placeholder]').filter((element) =>
    ['placeholder', 'aria-placeholder', 'data-placeholder'].some((name) => fold(element.getAttribute(name)) === fold(ask.value))),
  path: (root) => ask.value.reduce((level, css, depth) => level
    .map((element) => (depth === 0 ? element : element.shadowRoot)).filter(Boolean)
    .flatMap((from) => all(from, css)), [root]),
  deep: (root) => shadows(root).flatMap((shadow) => all(shadow, ask.value)),
};

try {
  let found = [...new Set(roots.flatMap(finders[ask.by]))];
  if (ask.text !== null) found = found.filter((element) => words(element).includes(ask.text));
  if (ask.visible) found = found.filter(seen);
  if (ask.nth !== null) found = [found.at(ask.nth)].filter(Boolean);
  return { count: found.length, elements: found.slice(0, ask.limit) };
} catch (error) {
  return { error: String(error.message || error) };
}
