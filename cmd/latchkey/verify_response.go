package main

import (
	"errors"

	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/captured"
)

type verifyResponseCmd struct {
	Lines bool `help:"Answer a list by a line for each case, not by one list."`
}

// Run judges what is on standard input. It needs no settings and no database.
func (c *verifyResponseCmd) Run(a *app) error {
	err := captured.Run(a.stdin, a.stdout, c.Lines)
	if fault := (*captured.InputError)(nil); errors.As(err, &fault) {
		return hinted{err, fault.Hint}
	}
	return err
}
