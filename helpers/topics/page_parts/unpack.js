// Blocks of the page -> numbers and texts. All that a dataset wrote comes in here, and leaves as textContent only.

async function unpack(id) {
  const block = document.getElementById(id);
  const bytes = fromBase64(block.textContent);
  block.remove();
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpackJson(id) {
  return JSON.parse(new TextDecoder().decode(await unpack(id)));
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// Numbers lie in planes: first the lowest byte of all of them, then the next; so they compress better.
function fromPlanes(bytes, arrays) {
  const types = { int32: Int32Array, uint16: Uint16Array, uint8: Uint8Array };
  const found = {};
  let at = 0;
  for (const { name, type, length } of arrays) {
    const width = types[type].BYTES_PER_ELEMENT;
    const whole = new Uint8Array(length * width);
    for (let byte = 0; byte < width; byte++)
      for (let i = 0, to = byte; i < length; i++, to += width) whole[to] = bytes[at++];
    found[name] = new types[type](whole.buffer);
  }
  return found;
}

function element(tag, { text, className, title, ...more } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  if (title) made.title = title;
  for (const [name, value] of Object.entries(more)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const byId = (id) => document.getElementById(id);
const whole = (number) => number.toLocaleString("en-US");
const counted = (number, one) => `${whole(number)} ${one}${number === 1 ? "" : "s"}`;
