/**
 * Latchkey in the browser: passkeys for a site that runs Latchkey. No dependencies, no build step.
 *
 *     import { signIn, autofill, register, LatchkeyError } from '/static/latchkey/latchkey.js';
 *
 *     button.addEventListener('click', async () => {
 *       try {
 *         const answer = await signIn({ remember: true });
 *         location.assign(answer.tf_required ? '/second-step' : answer.post_login_url);
 *       } catch (error) {
 *         if (error.code !== 'cancelled') show(error.message);
 *       }
 *     });
 *     const answer = await autofill(); // beside <input autocomplete="username webauthn">
 *
 * Every failure is a {@link LatchkeyError} with a `code` out of a short list and a `message` for people. Only one
 * ceremony runs at a time: a new one ends the one before it. An autofill goes on once the new one has come to nothing.
 *
 * @module latchkey
 */

/**
 * What went wrong, in one word:
 * - `cancelled`: the person closed the browser's dialog, or a newer ceremony took over. No error to them.
 * - `timeout`: nothing happened for too long. No error to them either.
 * - `no-passkey`: the browser has no passkey that would do. (Browsers mostly hide this, and say what `cancelled` says.)
 * - `already-registered`: the device holds a passkey of this account already.
 * - `not-supported`: the browser or the device can't do it.
 * - `insecure`: the page came without https.
 * - `security`: the page's address is not one that the passkeys belong to.
 * - `server`: the site refused; `errors`, `fieldErrors`, `errorCodes` and `status` say why.
 * - `network`: the site could not be reached.
 * - `failed`: anything else.
 * @typedef {'cancelled'|'timeout'|'no-passkey'|'already-registered'|'not-supported'|'insecure'|'security'|'server'|'network'|'failed'} ErrorCode
 */

/** @type {Record<ErrorCode, string>} */
const english = {
  cancelled: 'No passkey was used. You can try again.',
  timeout: 'That took too long. You can try again.',
  'no-passkey': 'This browser found no passkey for this site.',
  'already-registered': 'You already have this passkey.',
  'not-supported': 'This browser can’t use passkeys.',
  insecure: 'Passkeys need a secure connection (https).',
  security: 'The browser refused: this page’s address is not the one that passkeys belong to.',
  server: 'The site could not be asked. Please try again.',
  network: 'There is no connection to the site. Please try again.',
  failed: 'The passkey could not be used. Please try again.',
};

/** A failure of a ceremony. */
export class LatchkeyError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {{message?: string, cause?: unknown, status?: number, response?: any}} [more]
   */
  constructor(code, { message, cause, status = 0, response = {} } = {}) {
    super(message ?? settings.texts[code] ?? english[code], { cause });
    this.name = 'LatchkeyError';
    this.code = code;
    /** The HTTP status, 0 where there was none. */
    this.status = status;
    /** @type {string[]} What the site said, for people. */
    this.errors = response.errors ?? [];
    /** @type {Record<string, string[]>} The same by field; under '' what belongs to none. */
    this.fieldErrors = response.field_errors ?? {};
    /** @type {string[]} The same as stable keys, in the order of `errors`. */
    this.errorCodes = response.error_codes ?? [];
    /** Whether the person must confirm that it is them first, at /verify. */
    this.reauthRequired = response.reauth_required === true;
  }
}

/**
 * @typedef {object} Settings
 * @property {string} prefix The path that Latchkey is mounted at, without a slash at its end. By default what this module's own address
 *   has before /static/latchkey/; in a bundle of the app's own, nothing.
 * @property {Record<string, string>} texts Messages by error code, to translate them.
 * @property {typeof fetch} fetch What to ask the site with, to add headers such as a bearer token.
 * @property {number} timeout How long a ceremony may take, in milliseconds; 0: as long as the site says, and a little.
 * @property {boolean} report Whether to tell the site when a ceremony ends in the browser, such as by Cancel: one word, for its metrics.
 * @property {number} refresh How old an autofill's challenge may get, in milliseconds. Keep it below WAN_SIGNIN_WITHIN.
 */

/** @type {Settings} */
const settings = {
  prefix: prefixOf(import.meta.url),
  texts: {},
  fetch: (...args) => fetch(...args),
  timeout: 0,
  report: true,
  refresh: 4 * 60_000,
};

/**
 * Changes settings; what is left out stays.
 * @param {Partial<Settings>} changes
 */
export function configure(changes) {
  Object.assign(settings, changes);
}

/** @param {string|undefined} address this module's own; a bundle that is no module has none */
function prefixOf(address) {
  if (!address) return '';
  const [path, rest] = new URL(address).pathname.split('/static/latchkey/');
  return rest === undefined ? '' : path;
}

/** Whether this page can use passkeys at all. */
export function isSupported() {
  return globalThis.isSecureContext === true && typeof globalThis.PublicKeyCredential === 'function' && typeof navigator.credentials?.get === 'function';
}

/** Whether the browser offers passkeys in a field with autocomplete="username webauthn". */
export async function isAutofillSupported() {
  try {
    return isSupported() && (await PublicKeyCredential.isConditionalMediationAvailable?.()) === true;
  } catch {
    return false;
  }
}

// ---------------------------------------------------------------- what a page calls

/**
 * What finishes a ceremony. Left out, the proof is sent as JSON and the site's answer is the result.
 * @callback Finish
 * @param {Proof} proof
 * @returns {Promise<any>}
 */

/**
 * @typedef {object} Proof
 * @property {string} path Where to send it: prefix, endpoint and state.
 * @property {any} credential RegistrationResponseJSON or AuthenticationResponseJSON.
 * @property {any} options The options that it answers.
 */

/**
 * Adds a passkey to the account of whoever is signed in. Call it from a click.
 * @param {{name: string, usage?: 'first'|'secondary', signal?: AbortSignal, finish?: Finish}} options
 * @returns {Promise<any>} the site's answer
 */
export async function register({ name, usage, signal, finish }) {
  const start = await begin('wan-register', { name, usage });
  const credential = await create(start.options, { signal });
  return conclude(start, credential, {}, finish);
}

/**
 * @typedef {object} SignInOptions
 * @property {string} [identity] Whose passkeys; empty: let the person choose among all.
 * @property {boolean} [remember] Keep the person signed in.
 * @property {string} [next] Where the person wants to go; comes back in `post_login_url`.
 * @property {boolean} [includeAuthToken] Also give a bearer token.
 * @property {AbortSignal} [signal]
 * @property {Finish} [finish]
 */

/**
 * Signs in with a passkey, or answers a sign-in that waits for one. Call it from a click.
 * @param {SignInOptions} [options]
 * @returns {Promise<any>} the site's answer: `user` and `post_login_url`, or what a second step needs, with `tf_required: true`
 */
export async function signIn({ identity = '', remember = false, next, includeAuthToken, signal, finish } = {}) {
  const start = await prepared('wan-signin', { identity, next });
  const credential = await get(start.options, { signal });
  return conclude(start, credential, { remember, next }, finish, includeAuthToken);
}

/**
 * Offers passkeys in the field with autocomplete="username webauthn" until one is chosen. It steps aside while another
 * ceremony runs, and renews its challenge before that gets too old.
 * @param {Omit<SignInOptions, 'identity'|'remember'> & {remember?: boolean | (() => boolean)}} [options]
 * @returns {Promise<any>} as {@link signIn}; null where the browser has no such thing, or once `signal` aborted it
 */
export async function autofill({ remember = false, next, includeAuthToken, signal, finish } = {}) {
  if (!(await isAutofillSupported())) return null;
  for (let failures = 0; failures < 3 && !signal?.aborted; ) {
    /** @type {Start} */
    let start;
    try {
      start = await prepared('wan-signin', { identity: '', next });
    } catch (error) {
      if (!(error instanceof LatchkeyError) || (error.code === 'server' && error.status < 500 && error.status !== 429)) throw error;
      failures++;
      await untilVisible(settings.refresh / 8, signal);
      continue;
    }
    const began = Date.now();
    const stale = new AbortController();
    const unwatch = watch(start, stale, signal);
    try {
      const credential = await get(start.options, { signal: stale.signal, conditional: true });
      const box = typeof remember === 'function' ? remember() : remember;
      return await conclude(start, credential, { remember: box, next }, finish, includeAuthToken);
    } catch (error) {
      if (stale.signal.aborted) continue; // with a fresh challenge, or not at all
      if (!(error instanceof LatchkeyError) || error.code !== 'cancelled') throw error;
      // Another ceremony has taken over: it is over once the page has got its result.
      if (current) {
        if (await current.succeeded) return null;
        continue;
      }
      // Some browsers refuse at once, and would for ever.
      failures = Date.now() - began < 2000 ? failures + 1 : 0;
    } finally {
      unwatch();
    }
  }
  return null;
}

/**
 * Confirms with a passkey that whoever is signed in is still there. Call it from a click.
 * @param {{next?: string, includeAuthToken?: boolean, signal?: AbortSignal, finish?: Finish}} [options]
 * @returns {Promise<any>} the site's answer
 */
export async function verify({ next, includeAuthToken, signal, finish } = {}) {
  const start = await prepared('wan-verify', { next });
  const credential = await get(start.options, { signal });
  return conclude(start, credential, { next }, finish, includeAuthToken);
}

/**
 * Fetches the options of a {@link signIn} without identity, or of a {@link verify}, ahead of the click: some browsers ask that the click
 * itself opens the dialog. Failures show at the click.
 * @param {'signin'|'verify'} kind
 * @param {{next?: string}} [options]
 */
export async function prepare(kind, { next } = {}) {
  const call = kind === 'verify' ? prepared('wan-verify', { next }) : prepared('wan-signin', { identity: '', next });
  await call.catch(() => {});
}

// ---------------------------------------------------------------- signals to the browser

/**
 * Tells the browser that the site knows no such passkey, so that it stops offering it. For good: only where no account has it.
 * {@link signIn} and {@link autofill} do this by themselves.
 * @param {{rpId?: string, credentialId: string}} which
 */
export async function signalUnknown({ rpId = location.hostname, credentialId }) {
  try {
    // @ts-ignore: newer than the type definitions
    await PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId });
  } catch {
    // It is a hint, and nobody waits for its outcome.
  }
}

/**
 * Tells the browser all the passkeys of an account, so that it stops offering others. The list must be complete.
 * @param {{rpId?: string, userId: string, credentialIds: string[]}} account the user handle and the credential ids, base64url
 */
export async function signalAccepted({ rpId = location.hostname, userId, credentialIds }) {
  try {
    // @ts-ignore: newer than the type definitions
    await PublicKeyCredential.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds: credentialIds });
  } catch {
    // As above.
  }
}

// ---------------------------------------------------------------- talking to the site

/**
 * @typedef {object} Start
 * @property {string} endpoint
 * @property {any} options
 * @property {string} state
 * @property {number} at
 */

/**
 * Starts a ceremony at the site.
 * @param {string} endpoint
 * @param {Record<string, unknown>} fields
 * @returns {Promise<Start>}
 */
async function begin(endpoint, fields) {
  if (!isSupported()) throw unsupported();
  const { credential_options: options, wan_state: state } = await ask(`${settings.prefix}/${endpoint}`, fields);
  if (!options || !state) throw new LatchkeyError('server');
  return { endpoint, options: options.publicKey ?? options, state, at: Date.now() };
}

/**
 * Starts that wait for their click, by what they ask for. Each serves until its challenge was answered or is too old. Whether to
 * remember the person is said at the end.
 * @type {Map<string, {at: number, start: Promise<Start>}>}
 */
const waiting = new Map();

/**
 * As begin, but a start that waits already will do.
 * @param {string} endpoint
 * @param {Record<string, unknown>} fields
 */
function prepared(endpoint, fields) {
  const key = JSON.stringify([endpoint, fields]);
  const before = waiting.get(key);
  if (before && Date.now() - before.at < settings.refresh) return before.start;
  const start = begin(endpoint, fields);
  waiting.set(key, { at: Date.now(), start });
  start.catch(() => waiting.delete(key));
  return start;
}

/**
 * Sends the proof, or hands it to whoever wants to.
 * @param {Start} start
 * @param {any} credential
 * @param {Record<string, unknown>} fields
 * @param {Finish} [finish]
 * @param {boolean} [includeAuthToken]
 */
async function conclude(start, credential, fields, finish, includeAuthToken) {
  waiting.clear();
  const path = `${settings.prefix}/${start.endpoint}/${encodeURIComponent(start.state)}`;
  if (finish) return finish({ path, credential, options: start.options });
  try {
    return await ask(path + (includeAuthToken ? '?include_auth_token' : ''), { credential, ...fields });
  } catch (error) {
    if (error instanceof LatchkeyError && error.errorCodes.includes('WEBAUTHN_UNKNOWN_CREDENTIAL_ID')) {
      await signalUnknown({ rpId: start.options.rpId, credentialId: credential.id });
    }
    throw error;
  }
}

/**
 * @param {string} path
 * @param {Record<string, unknown>} fields
 * @returns {Promise<any>} what stands in the envelope
 */
async function ask(path, fields) {
  let answer;
  try {
    answer = await settings.fetch(path, {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify(fields),
    });
  } catch (cause) {
    throw new LatchkeyError('network', { cause });
  }
  const response = await answer.json().then((envelope) => envelope?.response, () => undefined);
  if (!answer.ok || response === undefined) {
    throw new LatchkeyError('server', { status: answer.status, response, message: response?.errors?.[0] });
  }
  return response;
}

// ---------------------------------------------------------------- ceremonies

/**
 * Makes a passkey from options as JSON. Most pages want {@link register}.
 * @param {any} options PublicKeyCredentialCreationOptionsJSON
 * @param {{signal?: AbortSignal}} [more]
 * @returns {Promise<any>} RegistrationResponseJSON
 */
export async function create(options, { signal } = {}) {
  if (!isSupported()) throw unsupported();
  const publicKey = creationOptions(options);
  return alone('create', publicKey, signal, (abort) => navigator.credentials.create({ publicKey, signal: abort }));
}

/**
 * Uses a passkey, from options as JSON. Most pages want {@link signIn}.
 * @param {any} options PublicKeyCredentialRequestOptionsJSON
 * @param {{signal?: AbortSignal, conditional?: boolean}} [more] conditional: offer it in the autofill
 * @returns {Promise<any>} AuthenticationResponseJSON
 */
export async function get(options, { signal, conditional = false } = {}) {
  if (!isSupported()) throw unsupported();
  const publicKey = requestOptions(options);
  return alone(conditional ? 'autofill' : 'get', publicKey, signal, (abort) =>
    navigator.credentials.get(conditional ? { publicKey, signal: abort, mediation: 'conditional' } : { publicKey, signal: abort }));
}

/**
 * The ceremony that is under way: how to end it, when the browser is done with it, and what came of it.
 * @typedef {{stop: () => void, done: Promise<void>, succeeded: Promise<boolean>}} Running
 */

/** @type {Running | null} */
let current = null;

/**
 * Runs a ceremony as the only one. The one before is aborted, and waited for: browsers refuse a second one while the first is
 * not quite over. Some password managers hear no abort and never answer; then this does not wait for them.
 * @param {'create'|'get'|'autofill'} kind
 * @param {any} publicKey
 * @param {AbortSignal|undefined} signal
 * @param {(abort: AbortSignal) => Promise<Credential|null>} call
 * @returns {Promise<any>}
 */
async function alone(kind, publicKey, signal, call) {
  const active = navigator.userActivation?.isActive !== false && document.hasFocus();
  const abort = new AbortController();
  let settle = () => {};
  let judge = (/** @type {boolean} */ _) => {};
  /** @type {(error: LatchkeyError) => void} */
  let giveUp = () => {};
  const gaveUp = new Promise((_, reject) => { giveUp = reject; });
  gaveUp.catch(() => {});
  const end = (/** @type {ErrorCode} */ code) => {
    giveUp(new LatchkeyError(code));
    abort.abort();
  };
  const before = current;
  /** @type {Running} */
  const mine = {
    stop: () => end('cancelled'),
    done: new Promise((resolve) => { settle = () => resolve(); }),
    succeeded: new Promise((resolve) => { judge = resolve; }),
  };
  current = mine;
  const stop = () => end('cancelled');
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  let timer;
  let called = false;
  let good = false;
  let began = performance.now();
  try {
    if (before) {
      before.stop();
      await Promise.race([before.done, pause(1000)]);
    }
    if (abort.signal.aborted) await gaveUp;
    if (kind !== 'autofill') timer = setTimeout(end, settings.timeout || (publicKey.timeout ?? 300_000) + 10_000, 'timeout');
    began = performance.now();
    const answer = call(abort.signal);
    called = true;
    answer.then(settle, settle);
    const credential = await Promise.race([answer, gaveUp]);
    if (!credential) throw new LatchkeyError('cancelled');
    const json = toJSON(credential);
    good = true;
    return json;
  } catch (error) {
    const understood = understand(error, { kind, took: performance.now() - began, timeout: publicKey.timeout, active });
    if (called && kind !== 'autofill') report(kind, understood.code);
    throw understood;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    judge(good);
    if (!called) settle();
    if (current === mine) current = null;
  }
}

/**
 * Tells the site how a ceremony ended in the browser. Nothing waits for it, and nothing depends on it.
 * @param {string} ceremony
 * @param {string} outcome
 */
function report(ceremony, outcome) {
  if (!settings.report) return;
  settings.fetch(`${settings.prefix}/wan-outcome`, {
    method: 'POST',
    credentials: 'same-origin',
    keepalive: true,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify({ ceremony, outcome }),
  }).catch(() => {});
}

/**
 * Puts what a browser says into one of our codes. Browsers say NotAllowedError for nearly everything, so that a page can't
 * learn which passkeys there are. Where it comes faster than anybody can press Cancel, there was nothing to choose from.
 * @param {unknown} error
 * @param {{kind: string, took: number, timeout?: number, active: boolean}} how
 */
function understand(error, { kind, took, timeout = Infinity, active }) {
  if (error instanceof LatchkeyError) return error;
  const { name, message } = /** @type {Error} */ (error ?? {});
  const say = (/** @type {ErrorCode} */ code) => new LatchkeyError(code, { cause: error });
  switch (name) {
    case 'AbortError': // Firefox says this for a cancel, too
      return say('cancelled');
    case 'NotAllowedError':
      if (kind === 'get' && (/no (available authenticator|credentials|passkeys)/i.test(message) || (active && took < 950))) return say('no-passkey');
      return say(kind !== 'autofill' && took >= timeout ? 'timeout' : 'cancelled');
    case 'InvalidStateError':
      return say(kind === 'create' ? 'already-registered' : 'failed');
    case 'NotSupportedError':
    case 'ConstraintError':
      return say('not-supported');
    case 'TimeoutError':
      return say('timeout');
    case 'SecurityError':
      return say(globalThis.isSecureContext ? 'security' : 'insecure');
  }
  return say('failed');
}

function unsupported() {
  return new LatchkeyError(globalThis.isSecureContext === false ? 'insecure' : 'not-supported');
}

// ---------------------------------------------------------------- autofill's waiting

/**
 * Aborts stale when the start's challenge gets too old, at once if the page is seen, else when it is seen again; and with signal.
 * @param {Start} start
 * @param {AbortController} stale
 * @param {AbortSignal} [signal]
 */
function watch(start, stale, signal) {
  const look = () => {
    if (signal?.aborted || (!document.hidden && Date.now() - start.at >= settings.refresh)) stale.abort();
  };
  const timer = setTimeout(look, Math.max(0, start.at + settings.refresh - Date.now()) + 10);
  document.addEventListener('visibilitychange', look);
  signal?.addEventListener('abort', look);
  look();
  return () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', look);
    signal?.removeEventListener('abort', look);
  };
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}

/**
 * Waits so long, and then until the page is seen.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 */
async function untilVisible(ms, signal) {
  await pause(ms);
  while (document.hidden && !signal?.aborted) {
    await new Promise((resolve) => { document.addEventListener('visibilitychange', resolve, { once: true }); });
  }
}

// ---------------------------------------------------------------- JSON and bytes

/** @param {any} json */
function creationOptions(json) {
  try {
    // @ts-ignore: newer than some type definitions
    if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
  } catch {
    // Below is the same by hand, which minds less what it does not know.
  }
  return { ...json, challenge: bytes(json.challenge), user: { ...json.user, id: bytes(json.user.id) }, excludeCredentials: descriptors(json.excludeCredentials) };
}

/** @param {any} json */
function requestOptions(json) {
  try {
    // @ts-ignore: newer than some type definitions
    if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
  } catch {
    // As above.
  }
  return { ...json, challenge: bytes(json.challenge), allowCredentials: descriptors(json.allowCredentials) };
}

/** @param {any[]} [list] */
function descriptors(list) {
  return (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
}

/**
 * A credential as JSON. Objects that password managers put in the browser's place may throw at toJSON, or leave things out.
 * @param {any} credential
 */
function toJSON(credential) {
  try {
    const json = credential.toJSON();
    if (json?.id && json.response?.clientDataJSON) return json;
  } catch {
    // By hand, then.
  }
  const { response } = credential;
  /** @type {Record<string, unknown>} */
  const out = { clientDataJSON: base64url(response.clientDataJSON) };
  for (const name of ['attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (response[name]) out[name] = base64url(response[name]);
  }
  const transports = attempt(() => response.getTransports());
  if (transports) out.transports = transports;
  return {
    id: credential.id,
    rawId: base64url(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: attempt(() => credential.getClientExtensionResults()) ?? {},
    response: out,
  };
}

/** @param {() => any} call */
function attempt(call) {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** @param {string} text base64url, padded or not */
function bytes(text) {
  const raw = atob(text.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, ''));
  return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}

/** @param {ArrayBuffer|ArrayBufferView} data */
function base64url(data) {
  const view = data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let raw = '';
  for (const b of view) raw += String.fromCharCode(b);
  return btoa(raw).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
