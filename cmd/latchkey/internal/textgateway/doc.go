// Package textgateway hands text messages to an HTTPS service, given as a URL in one of two forms.
//
// Any service, or a small bridge of your own in front of one:
//
//	https://TOKEN@sms.example.com/send
//
// For each message it is sent one request, and must answer with a status from 200 to 299 once it has taken it over:
//
//	POST /send HTTP/1.1
//	Authorization: Bearer TOKEN
//	Content-Type: application/json
//
//	{"to":"+442079460000","text":"123456 is your code for Example."}
//
// With user:password before the @, it is Authorization: Basic; with nothing before the host, there is no such header.
// http:// is accepted for a service on this machine.
//
// Twilio's messages API, or a service that speaks it:
//
//	twilio://ACCOUNT_SID:AUTH_TOKEN@/?from=+442079460000
//
// where from is a number, an alphanumeric sender or a messaging service (MG…), and a host after the @ is spoken to in place of
// api.twilio.com. This form follows Twilio's documentation and is tested against a stand-in; it was not run against
// the service itself.
//
// Errors name the host and the status, never the credentials, the text or the code.
package textgateway
