// What an element holds or shows. arguments: element.
const [element] = arguments;
if (/^(INPUT|TEXTAREA|SELECT)$/.test(element.nodeName)) return element.value;
return element.innerText ?? element.textContent ?? '';
