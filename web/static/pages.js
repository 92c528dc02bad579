/*
 * What Latchkey's own pages do beyond plain forms. Every form here works without this script, as far as its browser can
 * use passkeys at all; texts come from the page, in its language.
 */
import { autofill, configure, create, get, isSupported, LatchkeyError, prepare, register, signalAccepted, signalUnknown, signIn, verify } from './latchkey.js';

const texts = data('latchkey-texts') ?? {};
configure({ texts });

/** @param {string} name */
function text(name) {
  return texts[name] ?? '';
}

/** The JSON that the page carries under that id. @param {string} id */
function data(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent || 'null') : undefined;
}

/**
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} selector
 * @param {(element: E) => void} call
 */
function each(selector, call) {
  for (const element of document.querySelectorAll(selector)) call(/** @type {E} */ (element));
}

// ---------------------------------------------------------------- passkeys

/** Says in a form how it goes. @param {HTMLFormElement} form @param {string} message @param {'quiet'|'bad'} [kind] */
function say(form, message, kind = 'quiet') {
  const line = form.querySelector('[data-progress]');
  if (!(line instanceof HTMLElement)) return;
  line.dataset.kind = kind;
  line.textContent = message;
}

/** Says what went wrong, if it is anything to speak of. @param {HTMLFormElement} form @param {unknown} error */
function complain(form, error) {
  const known = error instanceof LatchkeyError ? error : new LatchkeyError('failed', { cause: error });
  say(form, known.message, known.code === 'cancelled' || known.code === 'timeout' ? 'quiet' : 'bad');
}

/** What a form says under that name; a box that is not ticked says nothing. @param {HTMLFormElement} form @param {string} name */
function value(form, name) {
  return String(new FormData(form).get(name) ?? '');
}

/**
 * Sends the proof as a plain form, so that the site sets its cookies and leads on. The page goes away with it.
 * @param {HTMLFormElement} form whose remember and next go along
 * @returns {import('./latchkey.js').Finish}
 */
function post(form) {
  return ({ path, credential, options }) => {
    say(form, text('finishing'));
    keep({ rpId: options.rpId, credentialId: credential.id });
    const last = document.createElement('form');
    last.method = 'post';
    last.action = path;
    last.hidden = true;
    for (const [name, said] of [['credential', JSON.stringify(credential)], ['remember', value(form, 'remember')], ['next', value(form, 'next')]]) {
      if (!said) continue;
      const input = document.createElement('input');
      input.type = 'hidden';
      input.name = name;
      input.value = said;
      last.append(input);
    }
    document.body.append(last);
    last.submit();
    return new Promise(() => {});
  };
}

/** Copies what the person has typed elsewhere on the page into the form's hidden fields. @param {HTMLFormElement} form */
function fill(form) {
  for (const input of form.querySelectorAll('input[data-from]')) {
    const from = document.getElementById(/** @type {HTMLElement} */ (input).dataset.from ?? '');
    if (!(from instanceof HTMLInputElement) || !(input instanceof HTMLInputElement)) continue;
    if (from.type === 'checkbox') input.value = from.checked ? 'y' : '';
    else input.value = from.validity.valid ? from.value : '';
  }
}

/** @type {Record<string, (form: HTMLFormElement) => Promise<unknown>>} */
const ceremonies = {
  signin: (form) => signIn({ identity: value(form, 'identity'), next: value(form, 'next') || undefined, finish: post(form) }),
  verify: (form) => verify({ next: value(form, 'next') || undefined, finish: post(form) }),
  register: (form) => register({ name: value(form, 'name'), usage: /** @type {any} */ (value(form, 'usage')), finish: post(form) }),
};

/** A form that starts a ceremony: it runs in place. @param {HTMLFormElement} form */
function enhance(form) {
  const kind = form.dataset.passkey ?? '';
  let latest = -Infinity;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (performance.now() - latest < 500) return; // a double click is one
    const mine = (latest = performance.now());
    fill(form);
    clearFaults(form);
    say(form, text('waiting'));
    try {
      await ceremonies[kind](form);
    } catch (error) {
      if (mine !== latest) return; // a later one speaks now
      if (!(error instanceof LatchkeyError) || error.code !== 'server' || !error.status) return complain(form, error);
      // A field's fault is shown in place. All else that the site refuses to start, its page explains: the same form, sent plainly.
      if (!faults(form, error)) form.submit();
    }
  });
  if (kind === 'signin' || kind === 'verify') {
    prepare(kind, { next: value(form, 'next') || undefined });
  }
}

/** Shows what is wrong next to the fields that it belongs to. @param {HTMLFormElement} form @param {LatchkeyError} error @returns {boolean} whether all of it has its place */
function faults(form, error) {
  let placed = 0;
  for (const [name, all] of Object.entries(error.fieldErrors)) {
    const input = name && form.querySelector(`[name="${CSS.escape(name)}"]:not([type=hidden])`);
    const field = input && input.closest('.field');
    if (!(input instanceof HTMLElement) || !field) return false;
    const line = document.createElement('p');
    line.className = 'fault';
    line.id = `${name}-fault`;
    line.append(document.createElement('span'));
    line.firstElementChild?.append(all.join(' '));
    field.append(line);
    const owner = field.matches('fieldset') ? field : input;
    owner.setAttribute('aria-describedby', [line.id, owner.getAttribute('aria-describedby')].filter(Boolean).join(' '));
    input.setAttribute('aria-invalid', 'true');
    if (!placed++) input.focus();
  }
  if (placed) say(form, '');
  return placed > 0;
}

/** @param {HTMLFormElement} form */
function clearFaults(form) {
  for (const line of form.querySelectorAll('.fault')) {
    for (const owner of form.querySelectorAll(`[aria-describedby~="${CSS.escape(line.id)}"]`)) {
      const left = (owner.getAttribute('aria-describedby') ?? '').split(' ').filter((id) => id !== line.id).join(' ');
      if (left) owner.setAttribute('aria-describedby', left);
      else owner.removeAttribute('aria-describedby');
    }
    line.remove();
  }
  for (const input of form.querySelectorAll('[aria-invalid]')) input.removeAttribute('aria-invalid');
}

/** The page that carries its options: it goes on by itself, and again at the button. @param {HTMLFormElement} form */
function runCeremony(form) {
  const options = data('latchkey-options');
  const button = form.querySelector('button');
  let latest = 0;
  const run = async () => {
    const mine = (latest = performance.now());
    say(form, text('waiting'));
    try {
      const credential = await (form.dataset.ceremony === 'register' ? create(options) : get(options));
      const field = form.elements.namedItem('credential');
      if (field instanceof HTMLInputElement) field.value = JSON.stringify(credential);
      keep({ rpId: options.rpId, credentialId: credential.id });
      say(form, text('finishing'));
      form.submit();
    } catch (error) {
      if (mine !== latest) return;
      complain(form, error);
      if (button) button.lastChild?.replaceWith(text('try-again'));
    }
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (performance.now() - latest >= 500) run();
  });
  run();
}

/** Passkeys in the autofill of the sign-in pages' field. @param {HTMLFormElement} form */
async function offer(form) {
  if (!document.querySelector('input[autocomplete~="webauthn"]')) return;
  try {
    await autofill({
      next: value(form, 'next') || undefined,
      finish: (proof) => {
        fill(form);
        return post(form)(proof);
      },
    });
  } catch (error) {
    // Nobody asked for it: the button says what is wrong, if it is pressed.
    console.debug('autofill:', error);
  }
}

/** Where the page can't use passkeys, it says why, and shows no buttons for them. */
function withdraw() {
  document.documentElement.dataset.passkeys = 'no';
  each('[data-unsupported]', (line) => {
    line.hidden = false;
    line.textContent = globalThis.isSecureContext === false ? text('insecure') : text('not-supported');
  });
}

// What was used last is kept until the next page: if the site knew no such passkey, the browser is told not to offer it any more.
const lastUsed = 'latchkey-last-used';

/** @param {{rpId?: string, credentialId: string}} which */
function keep(which) {
  try {
    sessionStorage.setItem(lastUsed, JSON.stringify(which));
  } catch {
    // Without storage the browser is not told.
  }
}

function tell() {
  try {
    const which = JSON.parse(sessionStorage.getItem(lastUsed) ?? 'null');
    sessionStorage.removeItem(lastUsed);
    if (which?.credentialId && document.querySelector('[data-code="WEBAUTHN_UNKNOWN_CREDENTIAL_ID"]')) signalUnknown(which);
  } catch {
    // As above.
  }
  const accepted = data('latchkey-accepted');
  if (accepted) signalAccepted(accepted);
}

if (isSupported()) {
  tell();
  each('form[data-passkey]', enhance);
  each('form[data-ceremony]', runCeremony);
  each('form[data-passkey="signin"]', offer);
} else {
  withdraw();
}

// ---------------------------------------------------------------- small comforts

/** How far a time is from now, in the page's language. @param {Date} at */
function ago(at) {
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: 'auto' });
  const seconds = (at.getTime() - Date.now()) / 1000;
  /** @type {[Intl.RelativeTimeFormatUnit, number][]} */
  const units = [['year', 31_557_600], ['month', 2_629_800], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60]];
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return words.format(Math.trunc(seconds / length), unit);
  }
  return words.format(0, 'minute');
}

each('time[data-time]', (element) => {
  const at = new Date(/** @type {HTMLTimeElement} */ (element).dateTime);
  const { lang } = document.documentElement;
  element.title = at.toLocaleString(lang, { dateStyle: 'long', timeStyle: 'short' });
  element.textContent = element.dataset.time === 'ago' ? ago(at) : at.toLocaleDateString(lang, { dateStyle: 'medium' });
});

each('button[data-reveal]', (button) => {
  const field = document.getElementById(button.dataset.reveal ?? '');
  if (!(field instanceof HTMLInputElement)) return;
  const show = (/** @type {boolean} */ on) => {
    field.type = on ? 'text' : 'password';
    button.firstElementChild?.replaceChildren(on ? text('hide') : text('show'));
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    show(field.type === 'password');
    field.focus();
  });
  field.form?.addEventListener('submit', () => show(false)); // so that it is kept as a password
});

/** The lines of a list, or else the text of what has that id. @param {string} id */
function lines(id) {
  const element = document.getElementById(id);
  const items = element?.querySelectorAll('li') ?? [];
  return items.length ? Array.from(items, (item) => item.textContent?.trim() ?? '').join('\n') : (element?.textContent?.trim() ?? '');
}

each('button[data-copy]', (button) => {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const done = await navigator.clipboard?.writeText(lines(button.dataset.copy ?? '')).then(() => true, () => false);
    const line = button.closest('.card')?.querySelector('[data-copied]');
    if (line) line.textContent = done ? text('copied') : text('not-copied');
  });
});

each('button[data-print]', (button) => {
  button.hidden = false;
  button.addEventListener('click', () => print());
});

each('button[data-download]', (button) => {
  button.hidden = false;
  button.addEventListener('click', () => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([`${button.dataset.heading}\n\n${lines(button.dataset.download ?? '')}\n`], { type: 'text/plain' }));
    link.download = button.dataset.file ?? '';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
});

// A page that comes back out of the browser's memory holds a ceremony that is over.
addEventListener('pageshow', (event) => {
  if (event.persisted && document.querySelector('form[data-passkey], form[data-ceremony]')) location.reload();
});
