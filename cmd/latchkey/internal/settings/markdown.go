package settings

import (
	"fmt"
	"strings"
)

// intro stands before the table of docs/configuration.md, outro after it.
const (
	intro = `# Configuration

The server takes each setting from the first of these places that has it:

1. a flag of the command line, where there is one: ` + "`latchkey serve --listen :8080`" + `;
2. an environment variable: the name below with ` + "`LATCHKEY_`" + ` before it, as in ` + "`LATCHKEY_LISTEN=:8080`" + `;
3. the TOML file that ` + "`--config`" + ` or ` + "`LATCHKEY_CONFIG`" + ` names: the name in lower case, as in ` + "`listen = \":8080\"`" + `;
4. the default.

Nothing is ignored. A name that is not below, a value that can't be what it should, and settings that contradict each other stop the
start, with a message for each that names it and says what to do. ` + "`latchkey doctor`" + ` looks further, with the same flags and environment: at
certificates, proxies, files, the clock, and with ` + "`--network`" + ` at the mail server; each finding says how to mend it.

- **Durations** are numbers with units: ` + "`24h`, `30m`, `90s`, `1h30m`" + `.
- **Yes and no** are ` + "`true` and `false`, or `1` and `0`" + `.
- **Lists** have commas between their items; in the file they may be written as lists: ` + "`origins = [\"https://a.example\", \"https://b.example\"]`" + `.
- **Rates** are a number and a duration, ` + "`10/5m`" + `, or ` + "`off`" + `: so many at once, given back evenly over that time.
- **A variable that is set but empty** is an empty value, not a missing one: ` + "`LATCHKEY_WAN_ALLOW_AS_VERIFY=`" + ` allows no passkey to verify. Where
  nothing makes no sense, it is an error.
- **Paths** in the file are relative to the folder in which the server was started, like all others.

An app that uses Latchkey as a library fills the same settings in ` + "`latchkey.Config`" + `; most of the last two groups is the server's own.
`

	outro = `
## Sending mails

` + "`SMTP_URL`" + ` takes these forms. User and password are percent-encoded where they hold special characters, and may be left out.

| form | connection |
|---|---|
| ` + "`smtp://user:password@mail.example.com:587`" + ` | upgraded by STARTTLS, or else not used; port 587 if left out |
| ` + "`smtps://user:password@mail.example.com:465`" + ` | TLS from the start; port 465 if left out |
| ` + "`smtp://localhost:25`" + ` | a relay on the same machine, in plain text; ` + "`?tls=starttls`" + ` asks for STARTTLS there as well |
| ` + "`smtp://relay.internal:25?tls=none`" + ` | plain text to another machine; a password is then sent only by a mechanism that hides it |

Certificates are checked against the system's; ` + "`SSL_CERT_FILE`" + ` names others.

## Sending text messages

` + "`SMS_URL=https://TOKEN@sms.example.com/send`" + ` speaks to any gateway, or to a small bridge in front of one. Each message is one request, and
any status from 200 to 299 means that it was taken over:

` + "```http" + `
POST /send HTTP/1.1
Host: sms.example.com
Authorization: Bearer TOKEN
Content-Type: application/json

{"to":"+442079460000","text":"123456 is your code for Example."}
` + "```" + `

With ` + "`user:password@`" + ` it sends ` + "`Authorization: Basic`" + `, with nothing before the host no such header. Redirects are not followed.

` + "`SMS_URL=twilio://ACCOUNT_SID:AUTH_TOKEN@/?from=+442079460000`" + ` speaks to Twilio's messages API; ` + "`from`" + ` is a number, an alphanumeric
sender or a messaging service (` + "`MG…`" + `). A host after the ` + "`@`" + ` takes the place of ` + "`api.twilio.com`" + `. This form follows Twilio's documentation and
is tested against a stand-in; it was not run against the service itself.
`
)

// Markdown is docs/configuration.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(intro)
	for _, g := range groups() {
		fmt.Fprintf(&b, "\n## %s\n\n| name | default | meaning |\n|---|---|---|\n", g.title)
		for _, s := range g.settings {
			standard := s.note
			if standard == "" {
				standard = "`" + s.value + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.name, standard, strings.ReplaceAll(s.meaning, "|", `\|`))
		}
	}
	b.WriteString(outro)
	return b.String()
}
