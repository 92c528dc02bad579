package settings

import (
	"github.com/latchkey-auth/latchkey/passkey"
)

func site() []setting {
	return []setting{
		{name: "ORIGINS", value: "http://localhost:8080",
			meaning: "The sites that people use, as their browsers write them: `https://`, the host, and the port where it is not 443. `http://` is for localhost alone. The first is the one that mails link to.",
			set:     origins},
		{name: "RP_ID", note: "the host of the first origin",
			meaning: "The name that passkeys are bound to for good: the host of an origin, or a parent domain that all of them share. Changing it makes every passkey useless.",
			set:     name(func(s *Settings) *string { return &s.Library.RPID }, "")},
		{name: "WAN_RP_NAME", value: "Latchkey",
			meaning: "The site's name for people.",
			set:     name(func(s *Settings) *string { return &s.Library.RPName }, "give the site's name")},
		{name: "URL_PREFIX", note: "none",
			meaning: "The path below which everything is served, such as `/auth`.",
			set:     urlPrefix},
	}
}

func server() []setting {
	return []setting{
		{name: "CONFIG", note: "none",
			meaning: "A TOML file with any of these settings.",
			set:     func(*Settings, string) *problem { return nil }}, // read before all others
		{name: "LISTEN", value: "127.0.0.1:8080",
			meaning: "The address and port to listen on; `:8080` is all addresses of the machine.",
			set:     listen(func(s *Settings) *string { return &s.Listen })},
		{name: "DATABASE", value: "latchkey.db",
			meaning: "The path of the SQLite file, which is made if it is not there. Or a PostgreSQL database, which must be there, as in `postgres://latchkey:password@db1,db2/latchkey?sslmode=verify-full`: see [databases](databases.md).",
			set:     database},
		{name: "SECRET_KEYS", note: "with SQLite, made on the first start and kept beside the database, in a file whose name ends in `.keys`; with PostgreSQL they must be set",
			meaning: "Keys of 32 random bytes in base64, with commas between them. The first seals, all open: to change keys, put the new one in front. Make one with `openssl rand -base64 32`.",
			set:     secretKeys},
		{name: "TRUSTED_PROXIES", note: "none",
			meaning: "The addresses or networks of the reverse proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8,::1`.",
			set:     trustedProxies},
		{name: "TLS_CERT", note: "none: plain HTTP",
			meaning: "The file of the certificate and its chain (PEM), where no proxy in front speaks HTTPS.",
			set:     name(func(s *Settings) *string { return &s.TLSCert }, "")},
		{name: "TLS_KEY", note: "none",
			meaning: "The file of its private key (PEM).",
			set:     name(func(s *Settings) *string { return &s.TLSKey }, "")},
		{name: "METRICS_LISTEN", note: "none",
			meaning: "An address and port of their own for Prometheus metrics (`/metrics`). Let nobody else reach it.",
			set:     metricsListen},
		{name: "PPROF", value: "false",
			meaning: "Serve Go's profiles beside the metrics, under `/debug/pprof/`.",
			set:     boolean(func(s *Settings) *bool { return &s.Profiling })},
	}
}

func messages() []setting {
	return []setting{
		{name: "OUTBOX", note: "`outbox` beside the database, or with PostgreSQL in the working folder, where every origin is localhost; else none",
			meaning: "A folder where mails and text messages are written as files, for development and tests. It serves what has no sender of its own below.",
			set:     name(func(s *Settings) *string { return &s.Outbox }, "")},
		{name: "SMTP_URL", note: "none",
			meaning: "The mail server, such as `smtp://user:password@mail.example.com:587`. Needs MAIL_FROM.",
			set:     smtpURL},
		{name: "MAIL_FROM", note: "none",
			meaning: "The sender of mails, such as `Example <no-reply@example.com>`.",
			set:     mailFrom},
		{name: "SMS_URL", note: "none",
			meaning: "The gateway for text messages, such as `https://TOKEN@sms.example.com/send`.",
			set:     smsURL},
	}
}

func policy() setter {
	return choice(func(s *Settings) *passkey.Policy { return &s.Library.Policy },
		[]string{"classic", "synced"}, []passkey.Policy{passkey.Classic{}, passkey.SyncedPasskeys{}})
}

func backupEligibleChange() setter {
	return choice(func(s *Settings) *passkey.BackupEligibleChange { return &s.Library.BackupEligibleChange },
		[]string{"refuse", "accept"}, []passkey.BackupEligibleChange{passkey.RefuseBackupEligibleChange, passkey.AcceptBackupEligibleChange})
}
