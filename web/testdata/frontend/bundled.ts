// An app that imports the module by the name of its package, runs where there are no passkeys, and says what came of it.
import { LatchkeyError, configure, isSupported, signIn } from 'latchkey';

configure({ prefix: '/auth' });
signIn().then(
  () => console.log('signed in'),
  (error: unknown) => console.log(isSupported(), error instanceof LatchkeyError && error.code, (error as Error).message),
);
