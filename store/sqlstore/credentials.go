package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

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

// selectPresented finds a passkey, its owner and a bucket. Where there is no such id the next one in the index is found, and thrown away: an
// id that was made up must not be known by the time that it takes. The bucket stands in the row of a table without passkeys, too.
const selectPresented = `
	SELECT COALESCE(c.id, ''), COALESCE(c.user_id, ''), COALESCE(c.credential_id, ''), COALESCE(c.public_key, ''),
		COALESCE(c.algorithm, 0), COALESCE(c.sign_count, 0), COALESCE(c.transports, '[]'),
		COALESCE(c.backup_eligible, FALSE), COALESCE(c.backed_up, FALSE), COALESCE(c.user_verified, FALSE),
		COALESCE(c.attachment, ''), COALESCE(c.discoverable, ''), COALESCE(c.aaguid, ''),
		COALESCE(c.attestation_format, ''), COALESCE(c.nickname, ''), COALESCE(c.usage, ''),
		COALESCE(c.created, 0), COALESCE(c.last_used, 0), a.handle,
		u.id, u.email, u.password_hash, u.active, u.created, b.full_at
	FROM (SELECT (SELECT full_at FROM latchkey_buckets WHERE bucket = $2) AS full_at) b
	LEFT JOIN latchkey_credentials c ON c.%[1]s = (
		SELECT %[1]s FROM latchkey_credentials WHERE credential_id >= $1 ORDER BY credential_id LIMIT 1)
	LEFT JOIN latchkey_accounts a ON a.user_id = c.user_id
	LEFT JOIN latchkey_users u ON u.id = c.user_id`

// What SQLite's index of credential ids leads to is the number of the row; by the row's own id it would go through two trees more.
var presentedOn = map[Dialect]string{
	SQLite:     fmt.Sprintf(selectPresented, "rowid"),
	PostgreSQL: fmt.Sprintf(selectPresented, "id"),
}

// Presented is Credential and Level in one read.
func (s *Store) Presented(
	ctx context.Context, credentialID []byte, now time.Time, limit account.Bucket,
) (account.Credential, *account.User, time.Duration, error) {
	found, _, err := first(ctx, s.reader, scanPresented, presentedOn[s.db.Dialect], blob(credentialID), text(limit.Key))
	var wait time.Duration
	if err == nil && found.fullAt.Valid && len(limiting([]account.Bucket{limit})) > 0 {
		wait = max(0, time.Duration(found.fullAt.Int64-latest(now, limit))*time.Microsecond)
	}
	if err == nil && (found.credential.ID == "" || !found.credential.Is(credentialID)) {
		found, err = presented{}, account.ErrNotFound
	}
	return found.credential, found.owner.user(), wait, s.wrap(ctx, "find presented credential", err)
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

// Hints lists the passkeys of whoever has that address.
func (s *Store) Hints(ctx context.Context, canonicalEmail string) ([]account.Hint, error) {
	// The next address in the index, where there is none such: what is read, and thrown away, is somebody's.
	all, err := list(ctx, s.reader, scanNeighbour, `
		SELECT c.credential_id, c.transports, c.usage, u.email_key
		FROM (SELECT id, email_key FROM latchkey_users WHERE email_key >= $1 ORDER BY email_key LIMIT 1) u
		JOIN latchkey_credentials c ON c.user_id = u.id
		ORDER BY c.created, c.id`, text(canonicalEmail))
	found := make([]account.Hint, 0, len(all))
	for _, one := range all {
		if one.email == canonicalEmail {
			found = append(found, one.hint)
		}
	}
	return found, s.wrap(ctx, "list hints", err)
}

const (
	updateUsed = `
		UPDATE latchkey_credentials
		SET sign_count = $3, backed_up = $4, last_used = CASE WHEN last_used < $5 THEN $5 ELSE last_used END
		WHERE id = $1 AND user_id = $2 AND (sign_count < $3 OR (sign_count = 0 AND $3 = 0))
			AND NOT EXISTS (SELECT 1 FROM latchkey_users WHERE id = $2 AND NOT active)`
	// The owner is held as in mustActive.
	updateUsedHeld = `
		WITH owner AS (SELECT active FROM latchkey_users WHERE id = $2 FOR NO KEY UPDATE)
		UPDATE latchkey_credentials
		SET sign_count = $3, backed_up = $4, last_used = CASE WHEN last_used < $5 THEN $5 ELSE last_used END
		WHERE id = $1 AND user_id = $2 AND (sign_count < $3 OR (sign_count = 0 AND $3 = 0))
			AND NOT EXISTS (SELECT 1 FROM owner WHERE NOT active)`
)

// useCredential applies one assertion, unless another has moved the counter on (WebAuthn L3 §6.1.1) or the account is disabled: it
// does what mustActive does in the same statement.
func useCredential(ctx context.Context, t *tx, userID string, use account.CredentialUse) error {
	return t.expect(ctx, func(ctx context.Context, used int64) error {
		if used == 1 {
			return nil
		}
		if err := isActive(ctx, t, userID); err != nil {
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
	}, t.sharing(updateUsed, updateUsedHeld), use.ID, userID, int64(use.SignCount), use.BackedUp, micros(use.At))
}

// insertCredential stores a passkey, or says what of it is in use.
func insertCredential(ctx context.Context, t *tx, c account.Credential) error {
	transports, err := toJSON(c.Transports)
	if err != nil {
		return err
	}
	// Nothing goes with it: the next row is of this one.
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

// neighbour is a hint with the canonical address of its owner.
type neighbour struct {
	hint  account.Hint
	email string
}

func scanNeighbour(row scanner) (neighbour, error) {
	var found neighbour
	var transports string
	err := row.Scan(&found.hint.CredentialID, &transports, &found.hint.Usage, &found.email)
	if err == nil {
		err = fromJSON(transports, &found.hint.Transports)
	}
	return found, err
}

// presented is a credential with its owner, or none, and a bucket.
type presented struct {
	ownedCredential
	fullAt sql.NullInt64
}

func scanPresented(row scanner) (presented, error) {
	var r credentialRow
	var found presented
	err := row.Scan(append(append(r.dest(), found.owner.dest()...), &found.fullAt)...)
	if err != nil || r.c.ID == "" {
		return found, err
	}
	found.credential, err = r.credential()
	return found, err
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
