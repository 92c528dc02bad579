// What a single-page app does with latchkey.js, written as one would. It is compiled, bundled and run by the tests.
import {
  LatchkeyError, autofill, configure, isAutofillSupported, isSupported, prepare, register, signIn, signalAccepted, verify,
  type Answer, type ErrorCode, type Proof,
} from '../../static/latchkey.js';

configure({
  prefix: '/auth',
  texts: { 'no-passkey': 'There is no passkey here.' },
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init?.headers, Authorization: 'Bearer token' } }),
});

function next(answer: Answer): string {
  if (answer.tf_required) return answer.tf_state === 'ready' ? answer.tf_signin_url ?? '/code' : '/choose';
  return answer.post_login_url ?? '/';
}

// Every name of an error, and no other.
function explain(code: ErrorCode): string | null {
  switch (code) {
    case 'cancelled':
    case 'timeout':
      return null;
    case 'no-passkey':
    case 'already-registered':
    case 'not-supported':
    case 'insecure':
    case 'security':
    case 'server':
    case 'network':
    case 'failed':
      return code;
  }
}

export async function signInByButton(email: string): Promise<string | null> {
  try {
    return next(await signIn({ identity: email, remember: true, next: '/notes', includeAuthToken: true }));
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error;
    if (error.errorCodes.includes('TOO_MANY_ATTEMPTS')) return `wait: ${error.errors.join(' ')}`;
    return explain(error.code);
  }
}

export async function signInByAutofill(box: { checked: boolean }, signal: AbortSignal): Promise<string | null> {
  if (!(await isAutofillSupported())) return null;
  const answer = await autofill({ remember: () => box.checked, signal });
  return answer && next(answer);
}

export async function addPasskey(name: string): Promise<boolean> {
  try {
    await register({ name, usage: 'first' });
    return true;
  } catch (error) {
    if (error instanceof LatchkeyError && error.reauthRequired) {
      await prepare('verify');
      const { user } = await verify({ next: '/passkeys' });
      return user?.email !== undefined && addPasskey(name);
    }
    if (error instanceof LatchkeyError && error.fieldErrors['name']) return false;
    throw error;
  }
}

export async function postByHand(): Promise<Answer> {
  return signIn({ finish: async ({ path, credential }: Proof) => ({ user: { email: path + credential.id } }) });
}

export async function tidy(userId: string, credentialIds: string[]): Promise<void> {
  if (isSupported()) await signalAccepted({ userId, credentialIds });
}

// What the types must not let through.
export function mistakes(): void {
  // @ts-expect-error: a passkey has a name
  void register({ usage: 'first' });
  // @ts-expect-error: there are two usages
  void register({ name: 'x', usage: 'third' });
  // @ts-expect-error: an address is text
  void signIn({ identity: 5 });
  // @ts-expect-error: no such setting
  configure({ colour: 'red' });
  // @ts-expect-error: there is no such code
  const code: ErrorCode = 'tired';
  void code;
}
