// The types that are written by hand against those that the JSDoc of the module itself makes.
import * as written from '../../static/latchkey.js';
import * as made from 'made';

type Written = typeof written;
type Made = typeof made;

// Whatever is exported is declared, and the other way round …
const missing: Exclude<keyof Made, keyof Written> extends never ? true : never = true;
const invented: Exclude<keyof Written, keyof Made> extends never ? true : never = true;
// … and can be used as it is declared.
type Functions = Omit<Written, 'LatchkeyError'>;
const usable: Functions = made;
type Failure = InstanceType<Written['LatchkeyError']>;
const failure: Omit<Failure, 'name'> = new made.LatchkeyError('failed', { status: 400, message: 'x', cause: null, response: {} });

void [missing, invented, usable, failure];
