import { LatchkeyError, autofill, register, signIn, verify } from '/auth/static/latchkey/latchkey.js';

const $ = (id) => document.getElementById(id);
const say = (text = '') => { $('said').textContent = text; };

// A request in JSON. Where the person must prove to be there, they are asked to, and the request goes out once more.
async function ask(method, path, body) {
  const res = await fetch(path, {
    method,
    headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  const answer = await res.json();
  const response = answer.response ?? answer;
  if (res.status === 401 && response.reauth_required) {
    await verify();
    return ask(method, path, body);
  }
  if (!res.ok) throw new Error(response.errors?.[0] ?? response.error ?? res.statusText);
  return response;
}

// Runs what a button does, and says what went wrong.
function does(id, event, run) {
  $(id).addEventListener(event, async (e) => {
    e.preventDefault();
    say();
    try {
      await run(e.target);
    } catch (error) {
      if (!(error instanceof LatchkeyError && error.code === 'cancelled')) say(error.message);
    }
  });
}

function show(notes) {
  $('notes').replaceChildren(...notes.map((text) => Object.assign(document.createElement('li'), { textContent: text })));
}

async function begin() {
  const { user } = await ask('GET', '/auth/login');
  $('inside').hidden = !user;
  $('outside').hidden = Boolean(user);
  if (user) {
    $('who').textContent = user.email;
    show((await ask('GET', '/api/notes')).notes);
    return;
  }
  // Beside the field with autocomplete="username webauthn"; it steps aside for the button.
  autofill().then((answer) => answer && arrived(answer), (error) => say(error.message));
}

function arrived(answer) {
  if (answer.tf_required) say('This account needs a second step, which this small page does not have.');
  else begin();
}

does('join', 'submit', async (form) => {
  const { email, password } = Object.fromEntries(new FormData(form));
  arrived(await ask('POST', '/auth/register', { email, password }));
});
does('enter', 'click', async () => arrived(await signIn()));
does('passkey', 'click', async () => {
  await register({ name: `Passkey of ${new Date().toISOString().slice(0, 10)}`, usage: 'first' });
  say('Next time, sign in with it.');
});
does('leave', 'click', async () => { await ask('POST', '/auth/logout'); await begin(); });
does('note', 'submit', async (form) => {
  show((await ask('POST', '/api/notes', { text: new FormData(form).get('text') })).notes);
  form.reset();
});
does('clear', 'click', async () => show((await ask('DELETE', '/api/notes')).notes));

begin().catch((error) => say(error.message));
