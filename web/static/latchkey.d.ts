/** What went wrong, in one word. */
export type ErrorCode =
  | 'cancelled'
  | 'timeout'
  | 'no-passkey'
  | 'already-registered'
  | 'not-supported'
  | 'insecure'
  | 'security'
  | 'server'
  | 'network'
  | 'failed';

/** A failure of a ceremony. Its message is for people. */
export class LatchkeyError extends Error {
  constructor(code: ErrorCode, more?: { message?: string; cause?: unknown; status?: number; response?: unknown });
  readonly name: 'LatchkeyError';
  readonly code: ErrorCode;
  /** The HTTP status, 0 where there was none. */
  readonly status: number;
  /** What the site said, for people. */
  readonly errors: string[];
  /** The same by field; under '' what belongs to none. */
  readonly fieldErrors: Record<string, string[]>;
  /** The same as stable keys, in the order of `errors`. */
  readonly errorCodes: string[];
  /** Whether the person must confirm that it is them first, at /verify. */
  readonly reauthRequired: boolean;
}

export interface Settings {
  /** The path that Latchkey is mounted at, without a slash at its end. By default what the module's own address has before /static/latchkey/; in a bundle, nothing. */
  prefix: string;
  /** Messages by error code, to translate them. */
  texts: Partial<Record<ErrorCode, string>>;
  /** What to ask the site with, to add headers such as a bearer token. */
  fetch: typeof fetch;
  /** How long a ceremony may take, in milliseconds; 0: as long as the site says, and a little. */
  timeout: number;
  /** Whether to tell the site when a ceremony ends in the browser, such as by Cancel: one word, for its metrics. */
  report: boolean;
  /** How old an autofill's challenge may get, in milliseconds. Keep it below WAN_SIGNIN_WITHIN. */
  refresh: number;
}

/** Changes settings; what is left out stays. */
export function configure(changes: Partial<Settings>): void;

/** Whether this page can use passkeys at all. */
export function isSupported(): boolean;

/** Whether the browser offers passkeys in a field with autocomplete="username webauthn". */
export function isAutofillSupported(): Promise<boolean>;

/** A passkey's answer, and where to send it: prefix, endpoint and state. */
export interface Proof {
  path: string;
  credential: RegistrationResponse | AuthenticationResponse;
  options: Record<string, any>;
}

/** What finishes a ceremony. Left out, the proof is sent as JSON and the site's answer is the result. */
export type Finish = (proof: Proof) => Promise<any>;

/** What stands in the envelope of the site's answer to a sign-in. */
export interface Answer {
  user?: { email?: string; authentication_token?: string; [name: string]: unknown };
  post_login_url?: string;
  tf_required?: boolean;
  tf_state?: string;
  tf_method?: string;
  tf_signin_url?: string;
  tf_setup_methods?: string[];
  [name: string]: unknown;
}

export interface RegisterOptions {
  name: string;
  usage?: 'first' | 'secondary';
  signal?: AbortSignal;
  finish?: Finish;
}

/** Adds a passkey to the account of whoever is signed in. Call it from a click. */
export function register(options: RegisterOptions): Promise<Record<string, unknown>>;

export interface SignInOptions {
  /** Whose passkeys; empty: let the person choose among all. */
  identity?: string;
  /** Keep the person signed in. */
  remember?: boolean;
  /** Where the person wants to go; comes back in `post_login_url`. */
  next?: string;
  /** Also give a bearer token. */
  includeAuthToken?: boolean;
  signal?: AbortSignal;
  finish?: Finish;
}

/** Signs in with a passkey, or answers a sign-in that waits for one. Call it from a click. */
export function signIn(options?: SignInOptions): Promise<Answer>;

export interface AutofillOptions extends Omit<SignInOptions, 'identity' | 'remember'> {
  remember?: boolean | (() => boolean);
}

/**
 * Offers passkeys in the field with autocomplete="username webauthn" until one is chosen. Null where the browser has no such
 * thing, once `signal` aborted it, or where another ceremony came to its end.
 */
export function autofill(options?: AutofillOptions): Promise<Answer | null>;

export interface VerifyOptions {
  next?: string;
  includeAuthToken?: boolean;
  signal?: AbortSignal;
  finish?: Finish;
}

/** Confirms with a passkey that whoever is signed in is still there. Call it from a click. */
export function verify(options?: VerifyOptions): Promise<Answer>;

/** Fetches the options of a signIn without identity, or of a verify, ahead of the click. */
export function prepare(kind: 'signin' | 'verify', options?: { next?: string }): Promise<void>;

/** Tells the browser that the site knows no such passkey. For good: only where no account has it. */
export function signalUnknown(which: { rpId?: string; credentialId: string }): Promise<void>;

/** Tells the browser all the passkeys of an account, so that it stops offering others. The list must be complete. */
export function signalAccepted(account: { rpId?: string; userId: string; credentialIds: string[] }): Promise<void>;

export interface RegistrationResponse {
  id: string;
  rawId: string;
  type: string;
  authenticatorAttachment?: string;
  clientExtensionResults: Record<string, unknown>;
  response: { clientDataJSON: string; attestationObject: string; authenticatorData?: string; transports?: string[]; [name: string]: unknown };
}

export interface AuthenticationResponse {
  id: string;
  rawId: string;
  type: string;
  authenticatorAttachment?: string;
  clientExtensionResults: Record<string, unknown>;
  response: { clientDataJSON: string; authenticatorData: string; signature: string; userHandle?: string };
}

/** Makes a passkey from PublicKeyCredentialCreationOptionsJSON. Most pages want register. */
export function create(options: Record<string, any>, more?: { signal?: AbortSignal }): Promise<RegistrationResponse>;

/** Uses a passkey, from PublicKeyCredentialRequestOptionsJSON. Most pages want signIn. */
export function get(options: Record<string, any>, more?: { signal?: AbortSignal; conditional?: boolean }): Promise<AuthenticationResponse>;
