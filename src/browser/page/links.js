// Where the links lead that hold a token in their target, or show it in their text.
// arguments: the token. Returns a list of addresses, each once, at most twenty of at most 2000 characters.
const token = arguments[0].toLowerCase();
const holds = (text) => typeof text === 'string' && text.toLowerCase().includes(token);
const targets = new Set();
for (const link of document.querySelectorAll('a[href]')) {
  if (holds(link.href) || holds(link.textContent) || holds(link.title)) targets.add(link.href.slice(0, 2000));
}
return [...targets].slice(0, 20);
