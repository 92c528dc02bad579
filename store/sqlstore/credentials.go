package sqlstore

import (
	"context"
	"fmt"

	"github.com/latchkey-auth/latchkey/account"
)

// UserHandle returns the account's user handle, storing candidate as it if there is none yet.
func (s *Store) UserHandle(ctx context.Context, userID string, candidate []byte) ([]byte, error) {
	const op = "user handle"
	handle, _, err := first(ctx, s.reader, scanOne[[]byte], `SELECT handle FROM latchkey_accounts WHERE user_id = $1`, userID)
	if err == nil && len(handle) == 0 && len(candidate) == 0 {
		err = account.ErrNotFound
	}
	if err != nil || len(handle) > 0 {
		return handle, s.wrap(ctx, op, err)
	}
	err = s.write(ctx, op, func(ctx context.Context, t *tx) error {
		var err error
		handle, _, err = first(ctx, t, scanOne[[]byte], `
			INSERT INTO latchkey_accounts (user_id, handle, revision) VALUES ($1, $2, 0)
			ON CONFLICT (user_id) DO UPDATE SET handle = COALESCE(latchkey_accounts.handle, excluded.handle)
			RETURNING handle`, userID, candidate)
		return err
	})
	return handle, err
}

// Credential finds a passkey by the authenticator's id, with its owner where the account is kept here.
func (s *Store) Credential(ctx context.Context, credentialID []byte) (account.Credential, *account.User, error) {
	found, ok, err := first(ctx, s.reader, scanOwnedCredential, `
		SELECT c.id, c.user_id, c.credential_id, c.public_key, c.algorithm, c.sign_count, c.transports,
			c.backup_eligible, c.backed_up, c.user_verified, c.attachment, c.discoverable, c.aaguid,
			c.attestation_format, c.nickname, c.usage, c.created, c.last_used, a.handle,
			u.id, u.email, u.password_hash, u.active, u.created
		FROM latchkey_credentials c
		LEFT JOIN latchkey_accounts a ON a.user_id = c.user_id
		LEFT JOIN latchkey_users u ON u.id = c.user_id
		WHERE c.credential_id = $1`, blob(credentialID))
	if err == nil && !ok {
		err = account.ErrNotFound
	}
	return found.credential, found.owner.user(), s.wrap(ctx, "find credential", err)
}

// Credentials lists an account's passkeys, oldest first.
func (s *Store) Credentials(ctx context.Context, userID string) ([]account.Credential, error) {
	all, err := credentials(ctx, s.reader, userID)
	return all, s.wrap(ctx, "list credentials", err)
}

func credentials(ctx context.Context, q querier, userID string) ([]account.Credential, error) {
	return list(ctx, q, scanCredential, `
		SELECT c.id, c.user_id, c.credential_id, c.public_key, c.algorithm, c.sign_count, c.transports,
			c.backup_eligible, c.backed_up, c.user_verified, c.attachment, c.discoverable, c.aaguid,
			c.attestation_format, c.nickname, c.usage, c.created, c.last_used, a.handle
		FROM latchkey_credentials c
		LEFT JOIN latchkey_accounts a ON a.user_id = c.user_id
		WHERE c.user_id = $1 ORDER BY c.created, c.id`, userID)
}

// useCredential applies one assertion, unless another has moved the counter on (WebAuthn L3 §6.1.1).
func useCredential(ctx context.Context, t *tx, userID string, use account.CredentialUse) error {
	used, err := t.exec(ctx, `
		UPDATE latchkey_credentials
		SET sign_count = $3, backed_up = $4, last_used = CASE WHEN last_used < $5 THEN $5 ELSE last_used END
		WHERE id = $1 AND user_id = $2 AND (sign_count < $3 OR (sign_count = 0 AND $3 = 0))`,
		use.ID, userID, int64(use.SignCount), use.BackedUp, micros(use.At))
	if err != nil || used == 1 {
		return err
	}
	_, there, err := first(ctx, t, scanOne[int64], `
		SELECT sign_count FROM latchkey_credentials WHERE id = $1 AND user_id = $2`, use.ID, userID)
	switch {
	case err != nil:
		return err
	case there:
		return account.ErrSignCount
	}
	return account.ErrNotFound
}

// insertCredential stores a passkey, or says what of it is in use.
func insertCredential(ctx context.Context, t *tx, c account.Credential) error {
	transports, err := toJSON(c.Transports)
	if err != nil {
		return err
	}
	made, err := t.exec(ctx, `
		INSERT INTO latchkey_credentials (id, user_id, credential_id, public_key, algorithm, sign_count, transports,
			backup_eligible, backed_up, user_verified, attachment, discoverable, aaguid,
			attestation_format, nickname, usage, created, last_used)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
		ON CONFLICT DO NOTHING`,
		c.ID, c.UserID, blob(c.CredentialID), blob(c.PublicKey), c.Algorithm, int64(c.SignCount), transports,
		c.BackupEligible, c.BackedUp, c.UserVerified, text(c.Attachment), text(string(c.Discoverable)), c.AAGUID[:],
		text(c.AttestationFormat), c.Nickname, string(c.Usage), micros(c.Created), micros(c.LastUsed))
	if err != nil {
		return err
	}
	if made == 0 {
		return whatIsInUse(ctx, t, c)
	}
	return t.later(ctx, `
		INSERT INTO latchkey_registrations (credential, authenticator_data, client_data_json) VALUES ($1, $2, $3)`,
		c.ID, blob(c.Registration.AuthenticatorData), blob(c.Registration.ClientDataJSON))
}

func whatIsInUse(ctx context.Context, t *tx, c account.Credential) error {
	_, named, err := first(ctx, t, scanOne[int64], `
		SELECT 1 FROM latchkey_credentials WHERE user_id = $1 AND nickname = $2`, c.UserID, c.Nickname)
	if err != nil {
		return err
	}
	if named {
		return account.ErrNicknameInUse
	}
	_, registered, err := first(ctx, t, scanOne[int64], `
		SELECT 1 FROM latchkey_credentials WHERE credential_id = $1`, blob(c.CredentialID))
	if err != nil {
		return err
	}
	if registered {
		return account.ErrCredentialInUse
	}
	return fmt.Errorf("the credential's own id %q is not new", c.ID)
}

// credentialRow is one row of the columns that every list of credentials selects.
type credentialRow struct {
	c                 account.Credential
	signCount         int64
	transports        string
	aaguid            []byte
	created, lastUsed int64
}

func (r *credentialRow) dest() []any {
	return []any{
		&r.c.ID, &r.c.UserID, &r.c.CredentialID, &r.c.PublicKey, &r.c.Algorithm, &r.signCount, &r.transports,
		&r.c.BackupEligible, &r.c.BackedUp, &r.c.UserVerified, &r.c.Attachment, &r.c.Discoverable, &r.aaguid,
		&r.c.AttestationFormat, &r.c.Nickname, &r.c.Usage, &r.created, &r.lastUsed, &r.c.UserHandle,
	}
}

func (r *credentialRow) credential() (account.Credential, error) {
	r.c.SignCount = uint32(r.signCount)
	r.c.Created, r.c.LastUsed = fromMicros(r.created), fromMicros(r.lastUsed)
	copy(r.c.AAGUID[:], r.aaguid)
	err := fromJSON(r.transports, &r.c.Transports)
	return r.c, err
}

func scanCredential(row scanner) (account.Credential, error) {
	var r credentialRow
	if err := row.Scan(r.dest()...); err != nil {
		return account.Credential{}, err
	}
	return r.credential()
}

// ownedCredential is a credential with its owner.
type ownedCredential struct {
	credential account.Credential
	owner      ownerColumns
}

func scanOwnedCredential(row scanner) (ownedCredential, error) {
	var r credentialRow
	var found ownedCredential
	err := row.Scan(append(r.dest(), found.owner.dest()...)...)
	if err != nil {
		return found, err
	}
	found.credential, err = r.credential()
	return found, err
}
