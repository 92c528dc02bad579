package main

// about is the text of "latchkey --help".
const about = `Passkeys, second factors and step-up sign-in for any web app.

Try it on this machine; nothing else is needed:

  latchkey serve                     then open http://localhost:8080

For a site of your own, say which one it is, and how to send mails:

  LATCHKEY_ORIGINS=https://login.example.com \
  LATCHKEY_SMTP_URL=smtp://user:password@mail.example.com:587 \
  LATCHKEY_MAIL_FROM="Example <no-reply@example.com>" \
  LATCHKEY_TWO_FACTOR_ENABLED_METHODS=email,authenticator \
  latchkey serve

Settings come from flags, else from environment variables (LATCHKEY_ and the
setting's name), else from the TOML file that --config or LATCHKEY_CONFIG names
(the name in lower case), else from defaults. docs/configuration.md lists them.
A name that does not exist or a value that can't be right stops the start, with
a message that says what to do.`

// Help is what "latchkey serve --help" says beside the flags.
func (serveCmd) Help() string {
	return `
The server keeps everything in one SQLite file, which it makes on the first start together with the secret keys in a
file beside it; or, with DATABASE=postgres://…, in a PostgreSQL database that any number of servers share. It prints one line with its address, logs to standard error, and on SIGTERM or Ctrl-C finishes what is
under way.

Where every origin is localhost, mails and text messages are written to the folder "outbox" beside the database.

Examples:

    latchkey serve

    latchkey serve --config /etc/latchkey.toml

    latchkey serve --listen :8443 --origins https://login.example.com

A flag stands for the setting of the same name and wins over the environment and the file.`
}

// Help is what "latchkey user --help" says beside the commands.
func (userCmd) Help() string {
	return `
These commands work on the database itself, so the server need not run, and sees each change at once if it does. They
find the database as the server does: by --database, LATCHKEY_DATABASE or the file that --config names.

Examples:

    latchkey user add ann@example.com --password-stdin < password.txt

    latchkey user list

    latchkey user disable ann@example.com

    latchkey user reset-factors ann@example.com

    latchkey user recover ann@example.com`
}

// Help is what "latchkey user add --help" says beside the flags.
func (userAddCmd) Help() string {
	return `
With --password-stdin the password comes from standard input, so that it shows neither in the list of processes nor in
the shell's history. It must be one that the sign-up page would take. Without, the account has none, and its owner sets
one by the link that latchkey user recover makes.

Examples:

    latchkey user add ann@example.com

    latchkey user add ann@example.com --password-stdin < password.txt`
}

// Help is what "latchkey user reset-factors --help" says beside the flags.
func (userResetCmd) Help() string {
	return `
For a person who has lost what they confirm sign-ins with. It removes their codes (app, email, text message), recovery
codes and second-factor passkeys, and forgets remembered devices. Password, first-factor passkeys and sessions stay.
Make sure first that it is really they who ask.`
}

// Help is what "latchkey user unlock --help" says beside the flags.
func (userUnlockCmd) Help() string {
	return `
After a hundred wrong passwords or codes in a row that way in takes no more. Passkeys and browsers that have signed in
before go on working, a complete sign-in opens it again, and so does the link that its owner is mailed. This command is
for an owner who has none of them at hand.`
}

// Help is what "latchkey user recover --help" says beside the flags.
func (userRecoverCmd) Help() string {
	return `
For a person who has lost every way in. It prints a link that works once and for 30 minutes: with it they set a new
password, and may end all sessions and remove old factors. Make sure first that it is really they who ask, and give it
to nobody else. They are mailed that it was made.

The link begins with the first of the origins, so run this with the server's own settings.

Example:

    latchkey user recover ann@example.com --config /etc/latchkey.toml`
}

// Help is what "latchkey db --help" says beside the commands.
func (dbCmd) Help() string {
	return `
The server brings its database up to date by itself when it starts. "db migrate" does it beforehand, or makes a new
database without starting anything.`
}

// Help is what "latchkey events --help" says beside the flags.
func (eventsCmd) Help() string { return eventsListCmd{}.Help() }

// Help is what "latchkey events list --help" says beside the flags.
func (eventsListCmd) Help() string {
	return `
It prints what was decided, oldest first: the newest 1000 decisions unless --limit says otherwise. It works on the
database itself, so the server need not run.

Examples:

    latchkey events --since 24h

    latchkey events --user ann@example.com --kind signin.refused

    latchkey events --kind passkey --since 2026-11-01 --json

--kind takes a kind such as signin.refused, or all that begin alike: signin, session, passkey, factor, user and so on.
With --json each line is an object with at, kind and whichever it has of user_id, email, reason, method, subject,
session_id, address and user_agent.`
}

// Help is what "latchkey doctor --help" says beside the flags.
func (doctorCmd) Help() string {
	return `
It reads the settings as "latchkey serve" does, so run it with the same flags, environment and user. Nothing is changed:
neither database nor keys are made. Each line begins with ok, warn or error, and says below what to do. The exit status
is 0 where nothing is an error.

With --network it also connects to the mail server and the gateway for text messages, and sends nothing.

Examples:

    latchkey doctor

    latchkey doctor --config /etc/latchkey.toml --network`
}

// Help is what "latchkey verify-response --help" says beside the flags.
func (verifyResponseCmd) Help() string {
	return `
It reads one case as JSON from standard input, judges it by the code that signs people in, and prints one line of JSON:
whether it is good, else a reason out of a fixed list, and each step in plain words. It needs no database and no settings,
so that it also serves for other sites than Latchkey's. A list of cases is answered by a list.

A case says what the site had asked for, and has the response as the page sent it:

    {"kind": "registration", "rp_id": "example.com", "origin": "https://login.example.com",
     "challenge": "…base64url…", "uv_required": true, "response": {"id": …, "rawId": …, "type": "public-key", …}}

    {"kind": "authentication", "rp_id": "example.com", "origin": "https://login.example.com",
     "challenge": "…", "stored_public_key": "…COSE, base64url…", "stored_sign_count": 7, "response": {…}}

Example:

    latchkey verify-response < case.json

docs/verify-response.md lists all members and reasons. The exit status is 0 where it could judge, whatever it found.`
}

func (sessionCmd) Help() string {
	return `
These commands work on the database itself, and a running server sees each change at the next request.

Examples:

    latchkey session list ann@example.com

    latchkey session revoke ann@example.com --all`
}

// Help is what "latchkey events prune --help" says beside the flags.
func (eventsPruneCmd) Help() string {
	return `
The server only adds to the audit log. How long it is kept is yours to say, and to do: run this now and then, from cron
or a timer. It may run beside the server.

Example:

    latchkey events prune --keep 8760h`
}

// Help is what "latchkey keys --help" says beside the commands.
func (keysCmd) Help() string {
	return `
To change the secret keys: put a new one before the old in SECRET_KEYS (or in the file beside the database) and restart
every server; run "keys reseal"; take the old one away and restart again. Sessions, passwords, authenticator apps and
recovery codes go on working. What is on its way under the old key ends with it: links in mails, sign-ins and setups
under way, and what tells browsers that have signed in before from new ones.

Examples:

    latchkey keys new

    latchkey keys reseal`
}
