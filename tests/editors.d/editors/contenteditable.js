// An editable element with nothing behind it but its own text, as Telegram Web K has it.
export function mount(host, attributes, enter) {
  const box = host.appendChild(document.createElement('div'));
  box.contentEditable = 'true';
  box.style.whiteSpace = 'pre-wrap';
  for (const [name, value] of Object.entries(attributes)) box.setAttribute(name, value);
  box.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    enter();
  });
  return { text: () => box.innerText.replace(/\n$/, ''), empty: () => box.replaceChildren() };
}
