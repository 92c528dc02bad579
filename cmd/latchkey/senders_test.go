package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/settings"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/smtp"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/textgateway"
	"github.com/latchkey-auth/latchkey/signin"
)

// kinds is which sender serves each channel.
func kinds(t *testing.T, s settings.Settings) map[signin.Channel]string {
	t.Helper()
	sender, err := newSender(s)
	if err != nil {
		t.Fatal(err)
	}
	got := map[signin.Channel]string{}
	for _, c := range []signin.Channel{signin.ChannelEmail, signin.ChannelSMS} {
		switch sender.(byChannel)[c].(type) {
		case *outbox.Box:
			got[c] = "outbox"
		case *smtp.Sender:
			got[c] = "smtp"
		case *textgateway.Sender:
			got[c] = "gateway"
		default:
			got[c] = "nothing"
		}
	}
	return got
}

func TestNewSender(t *testing.T) {
	mails, texts := &smtp.Config{}, &textgateway.Config{}
	for _, c := range []struct {
		name        string
		outbox      bool
		mails       *smtp.Config
		texts       *textgateway.Config
		email, sms  string
		wantsFolder bool
	}{
		{"nothing", false, nil, nil, "nothing", "nothing", false},
		{"outbox", true, nil, nil, "outbox", "outbox", true},
		{"mail", false, mails, nil, "smtp", "nothing", false},
		{"mail and outbox", true, mails, nil, "smtp", "outbox", true},
		{"texts and outbox", true, nil, texts, "outbox", "gateway", true},
		{"all", true, mails, texts, "smtp", "gateway", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := settings.Settings{SMTP: c.mails, Texts: c.texts}
			folder := filepath.Join(t.TempDir(), "outbox")
			if c.outbox {
				s.Outbox = folder
			}
			got := kinds(t, s)
			if got[signin.ChannelEmail] != c.email || got[signin.ChannelSMS] != c.sms {
				t.Errorf("got %v, want %s and %s", got, c.email, c.sms)
			}
			if _, err := os.Stat(folder); (err == nil) != c.wantsFolder {
				t.Errorf("the folder: %v", err)
			}
		})
	}
}

func TestNewSenderFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newSender(settings.Settings{Outbox: filepath.Join(file, "outbox")}); err == nil || !strings.Contains(err.Error(), "OUTBOX") {
		t.Errorf("got %v", err)
	}
}

func TestByChannel(t *testing.T) {
	dir := t.TempDir()
	sender, err := newSender(settings.Settings{Outbox: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), signin.Message{Channel: signin.ChannelSMS}); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the outbox holds %v (%v)", entries, err)
	}
	if err := (byChannel{}).Send(t.Context(), signin.Message{Channel: signin.ChannelSMS}); err == nil || !strings.Contains(err.Error(), "SMS_URL") {
		t.Errorf("got %v", err)
	}
}
