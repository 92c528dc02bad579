package settings

// values are, for every setting, some texts that are taken and some that are not.
func values() map[string]struct{ good, bad []string } {
	type both = struct{ good, bad []string }
	boolean := both{[]string{"true", "false", "1", "0"}, []string{"", "yes", "True", "2", " true"}}
	positive := both{[]string{"1s", "90s", "1h30m", "720h", "100ms"}, []string{"", "0", "0s", "-1s", "10", "soon", "1d", "5 m"}}
	rate := both{[]string{"10/5m", "1/1s", "off"}, []string{"", "0/5m", "-1/5m", "10", "10/0s", "10/-5m", "ten/5m", "OFF", "10/5"}}
	text := both{[]string{"", "Bob's \"App\" </script><b>&", "Ключ"}, []string{"two\nlines", "\x00", "\xff"}}
	view := both{[]string{"", "/", "/after?a=b#c", "https://app.example.com/x", "http://localhost:3000/"},
		[]string{"after", "//evil.example", `/\evil.example`, "/a\nb", "/a b", "javascript:alert(1)", "mailto:a@b.example", "https:///x"}}
	const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	return map[string]both{
		"ORIGINS": {[]string{"https://login.example.com", "https://a.example.com, https://b.example.com:8443", "http://localhost:8080", "http://app.localhost", "http://127.0.0.1:8080", "https://xn--bcher-kva.example"},
			[]string{"", " ", "login.example.com", "https://login.example.com/", "https://login.example.com/path", "http://login.example.com", "https://Login.example.com", "https://bücher.example",
				"https://login.example.com:443", "ftp://login.example.com", "https://", "https://a.example.com,,https://b.example.com", "https://10.0.0.1", "https://u@login.example.com", "null", "*", "https://*.example.com", "https://a.example:port"}},
		"RP_ID":       {[]string{"", "localhost"}, []string{"example.com", "https://localhost", "localhost:8080", "LOCALHOST", "10.0.0.1", "a b", "com", "x\x00"}},
		"WAN_RP_NAME": {text.good[1:], append(text.bad, "")},
		"URL_PREFIX":  {[]string{"", "/auth", "/a/b-c", "/~ann", "/v1.2"}, []string{"auth", "/", "/auth/", "//auth", "/a//b", "/a b", "/../x", "/a/./b", "/a?b", "https://x.example"}},

		"WAN_ALLOW_AS_FIRST_FACTOR": boolean, "WAN_ALLOW_AS_MULTI_FACTOR": boolean, "WAN_ALLOW_USER_HINTS": boolean, "WAN_ALLOW_CROSS_ORIGIN": boolean,
		"WAN_ALLOW_AS_VERIFY":        {[]string{"", "first", "secondary", "first,secondary", "secondary, first", "true", "false"}, []string{"third", "first secondary", "first,", "FIRST", "yes"}},
		"WAN_BACKUP_ELIGIBLE_CHANGE": {[]string{"refuse", "accept"}, []string{"", "true", "Accept"}},
		"WAN_NAME_MAX_LENGTH":        {[]string{"1", "20", "255"}, []string{"", "0", "-1", "256", "many", "1.5", "0x10"}},
		"WAN_REGISTER_WITHIN":        positive, "WAN_REGISTER_TIMEOUT": positive, "WAN_SIGNIN_WITHIN": positive, "WAN_SIGNIN_TIMEOUT": positive,
		"POLICY": {[]string{"classic", "synced"}, []string{"", "Classic", "other"}},

		"FRESHNESS":              {[]string{"24h", "4s", "-1s", "-24h"}, []string{"", "0", "0s", "0h0m", "1", "day"}},
		"FRESHNESS_GRACE_PERIOD": {[]string{"1h", "0s", "0"}, []string{"", "-1s", "1", "hour"}},
		"SESSION_IDLE":           positive, "SESSION_LIFETIME": positive, "REMEMBER_LIFETIME": positive, "DEFAULT_REMEMBER_ME": boolean,

		"TWO_FACTOR": boolean, "TWO_FACTOR_REQUIRED": boolean, "TWO_FACTOR_ALWAYS_VALIDATE": boolean,
		"TWO_FACTOR_ENABLED_METHODS": {[]string{"", "email", "sms,authenticator", "email, authenticator, sms", "email,email"}, []string{"pigeon", "email,", "webauthn", "email;sms", "true"}},
		"TWO_FACTOR_LOGIN_VALIDITY":  positive, "TWO_FACTOR_SETUP_WITHIN": positive, "TWO_FACTOR_MAIL_VALIDITY": positive, "TWO_FACTOR_SMS_VALIDITY": positive,
		"TWO_FACTOR_RESCUE_EMAIL": boolean, "TWO_FACTOR_RESCUE_MAIL": {[]string{"", "help@example.com"}, []string{"help", "a@b.example, c@d.example", "Help <help@example.com>", "a@b.example\r\nBcc: x"}},
		"MULTI_FACTOR_RECOVERY_CODES": boolean, "MULTI_FACTOR_RECOVERY_CODES_N": {[]string{"1", "7", "100"}, []string{"", "0", "-5", "101", "five"}},
		"TOTP_ISSUER": text,

		"REGISTERABLE": boolean, "CONFIRMABLE": boolean, "RETURN_GENERIC_RESPONSES": boolean,
		"PASSWORD_LENGTH_MIN": {[]string{"1", "8", "15"}, []string{"", "0", "-8", "129", "long"}},
		"POST_LOGIN_VIEW":     view, "POST_LOGOUT_VIEW": view, "POST_VERIFY_VIEW": view, "WAN_POST_REGISTER_VIEW": view,

		"THROTTLE_ACCOUNT": rate, "THROTTLE_ADDRESS": rate, "THROTTLE_SEND": rate,

		"CONFIG":          {[]string{""}, []string{"no-such-file.toml"}},
		"LISTEN":          {[]string{"127.0.0.1:0", ":8080", "[::1]:443", "example.com:80"}, []string{"", "8080", "localhost", "localhost:http", "localhost:65536", "http://localhost:8080", "::1:80"}},
		"DATABASE":        {[]string{"x.db", "/var/lib/latchkey/x.db", `C:\data\x.db`, "with space?.db"}, []string{"", "postgres://ann:sesame@db:port/x", "postgresql://ann:ses/ame@db/x", "postgres://ann:sesame@db/x?pool_max_conns=0", "postgres://ann:sesame@db/x?sslmode=maybe", "postgres://ann:sesame@db/x?password=%zz", "postgre://ann:sesame@db/x", "mysql://ann:sesame@db/x", ":memory:", "file:x.db?mode=ro"}},
		"SECRET_KEYS":     {[]string{key, key + "," + key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}, []string{"", " ", "sesame", key + ",", key + ",c2VzYW1l", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ=="}},
		"TRUSTED_PROXIES": {[]string{"", "10.0.0.1", "10.0.0.0/8, ::1", "fe80::1%eth0"}, []string{"proxy", "10.0.0.0/33", "10.0.0.1:80", "10.0.0.1,", "::ffff:10.0.0.0/104"}},
		"TLS_CERT":        {[]string{""}, []string{"cert.pem", "a\nb"}}, "TLS_KEY": {[]string{""}, []string{"key.pem"}},
		"METRICS_LISTEN": {[]string{"", ":9090", "127.0.0.1:0"}, []string{"9090", "localhost"}}, "PPROF": {[]string{"false", "0"}, []string{"true", "yes", ""}},

		"OUTBOX":    {[]string{"", "mails", "/var/tmp/mails"}, []string{"a\x00b"}},
		"SMTP_URL":  {[]string{""}, []string{"smtp://ann:sesame@mail.example.com", "mail.example.com", "http://u:sesame@mail.example.com", "smtp://u:ses/ame@mail.example.com"}},
		"MAIL_FROM": {[]string{"", "a@example.com", "Example <a@example.com>"}, []string{"a", "a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com"}},
		"SMS_URL":   {[]string{"", "https://sesame@sms.example.com/x", "twilio://AC:sesame@/?from=+44"}, []string{"sms.example.com", "http://sesame@sms.example.com/", "twilio://sesame@/"}},
	}
}
