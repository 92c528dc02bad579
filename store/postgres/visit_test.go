package postgres_test

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// visit reads and writes a little of everything.
func visit(ctx context.Context, store *sqlstore.Store, client int) error {
	user := fmt.Sprint("user ", client)
	for i := range 3 {
		id := fmt.Sprint(client, " ", i)
		if _, err := store.UserHandle(ctx, user, []byte(user+" has a handle")); err != nil {
			return err
		}
		if _, err := store.Secret(ctx, fmt.Sprint("secret ", i), []byte(id)); err != nil {
			return err
		}
		if _, err := store.Take(ctx, dawn, account.Bucket{Key: "all", Limit: 1000, Per: time.Hour}); err != nil {
			return err
		}
		if err := signIn(ctx, store, user, id); err != nil {
			return err
		}
		if _, _, err := store.Session(ctx, account.SessionBrowser, digestOf(id)); err != nil {
			return err
		}
		if _, err := store.RemoveFactors(ctx, account.RemoveFactors{UserID: user}); err != nil {
			return err
		}
		for _, err := range store.ListUsers(ctx) {
			if err != nil {
				return err
			}
		}
	}
	return nil
}
