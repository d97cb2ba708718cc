// Where the links lead that hold one of some marks in their target, or show it in their text.
// arguments: the marks. Returns a list of addresses, each once, at most twenty of at most 2000 characters.
const marks = arguments[0].map((mark) => mark.toLowerCase());
const holds = (text) => typeof text === 'string' && marks.some((mark) => text.toLowerCase().includes(mark));
const targets = new Set();
for (const link of document.querySelectorAll('a[href]')) {
  if (holds(link.href) || holds(link.textContent) || holds(link.title)) targets.add(link.href.slice(0, 2000));
}
return [...targets].slice(0, 20);
