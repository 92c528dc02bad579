package latchkey

import (
	"context"
	"fmt"

	"github.com/latchkey-auth/latchkey/web"
)

// diagnosis is what the page /doctor tells of the settings beside the request: the app's own findings, or else ours.
func (c Config) diagnosis() web.Diagnose {
	if c.Diagnosis != nil {
		return c.Diagnosis
	}
	return func(context.Context) []Finding {
		var all []Finding
		for _, p := range c.TrustedProxies {
			if p.Bits() == 0 {
				all = append(all, Finding{
					Verdict: web.VerdictError, About: "TRUSTED_PROXIES", What: fmt.Sprintf("%s is everybody: anyone could claim any address and slip past the limits", p),
					Fix: "name the proxies' own addresses or network, such as 10.0.0.0/8",
				})
			}
		}
		if c.Sender == nil {
			all = append(all, Finding{
				Verdict: web.VerdictWarn, About: "Sender", What: "there is nothing to send messages with: codes by email and text message are not offered",
				Fix: "set Config.Sender; elsewhere than on localhost New insists on it",
			})
		}
		return all
	}
}
