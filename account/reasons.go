package account

import "slices"

// Reasons is every reason that an event of that kind may have, "" among them where it needs none; nil for a kind that there is not. An
// audit or a metric may count on there being no others. docs/events.md says what each means.
func Reasons(k EventKind) []string { return slices.Clone(reasons[k]) }

// EventKinds is every kind of event there is, in the order of docs/events.md.
func EventKinds() []EventKind { return slices.Clone(eventKinds) }

var eventKinds = []EventKind{
	EventRegistered, EventRegisterRefused, EventDisabled, EventEnabled, EventFactorsReset,
	EventSignedIn, EventSigninPending, EventSigninRefused, EventSignedOut, EventSessionsEnded, EventEndRefused, EventVerified, EventVerifyRefused,
	EventPasswordChanged, EventPasswordRefused,
	EventPasskeyAdded, EventPasskeyRefused, EventPasskeyRemoved, EventSignCountBack, EventBackupChanged,
	EventFactorAdded, EventFactorRefused, EventFactorRemoved, EventRecoveryCodesMade, EventRecoveryCodeUsed,
	EventCodeSent, EventCodeNotSent, EventRescueAsked, EventRecoveryLinkMade, EventRecoveryLinkUsed,
	EventThrottled, EventStepClosed, EventStepReopened,
}

// Groups of reasons that several kinds share. A response's own are the words of package passkey for one that was parsed and does not verify.
var (
	plain    = []string{""}
	byAdmin  = []string{"admin"}
	ofAny    = []string{"disabled", "session_gone", "pending_gone"}
	ofStates = []string{"state_not_ours", "state_expired", "state_of_another", "state_spent"}
	ofNew    = []string{"password_missing", "password_too_short", "password_too_long", "password_too_common", "password_mismatch"}
	ofBoth   = []string{"malformed", "type", "challenge", "origin", "cross-origin", "top-origin", "rp-id-hash", "user-presence", "user-verification", "backup-state"}
	ofMade   = []string{"algorithm", "unsupported-algorithm", "key", "credential-id", "attestation-format", "attestation"}
	ofSigned = []string{"signature", "sign-count", "sign_count", "backup-eligible", "decoy", "key", "algorithm", "unsupported-algorithm", "unknown_credential", "unknown_user", "other_user_handle", "credential_of_another", "wrong_usage"}
	ofCodes  = []string{"wrong_code", "code_spent", "factor_gone", "method_not_available", "send_failed"}
)

var reasons = map[EventKind][]string{
	EventRegistered:      plain,
	EventRegisterRefused: all(ofNew, ofAny, ofStates, []string{"email_invalid", "email_in_use", "denied"}),
	EventDisabled:        byAdmin,
	EventEnabled:         byAdmin,
	EventFactorsReset:    all(plain, byAdmin),

	EventSignedIn:      {"", "new_device"},
	EventSigninPending: {string(PendingSelect), string(PendingReady), string(PendingSetup), string(PendingValidating)},
	EventSigninRefused: all(ofAny, ofStates, ofBoth, ofSigned, ofCodes, []string{
		"incomplete", "unknown_user", "wrong_password", "first_factor_off", "no_user_handle", "other_identity", "factor_set_up",
		"nothing_pending", "not_in_this_state", "pending_dropped", "denied",
	}),
	EventSignedOut:     plain,
	EventSessionsEnded: all(byAdmin, []string{"one", "others", "all"}),
	EventEndRefused:    {"incomplete", "no_such_session"},
	EventVerified:      plain,
	EventVerifyRefused: all(ofAny, ofStates, ofBoth, ofSigned, ofCodes, []string{"incomplete", "wrong_password"}),

	EventPasswordChanged: all(plain, byAdmin),
	EventPasswordRefused: all(ofNew, ofAny, ofStates, []string{"incomplete", "wrong_password", "password_changed"}),

	EventPasskeyAdded: {string(UsageFirst), string(UsageSecondary)},
	EventPasskeyRefused: all(ofAny, ofStates, ofBoth, ofMade, []string{
		"not_signed_in", "unknown_usage", "nickname_missing", "nickname_too_long", "nickname_invalid", "nickname_in_use",
		"too_many_passkeys", "credential_in_use", "factor_set_up", "no_such_passkey", "last_way_in", "last_second_factor",
	}),
	EventPasskeyRemoved: all(plain, byAdmin),
	EventSignCountBack:  {"sign-count"},
	EventBackupChanged:  {"backup-eligible", "accepted"},

	EventFactorAdded:       plain,
	EventFactorRefused:     all(ofAny, ofStates, ofCodes, []string{"phone_invalid", "factor_set_up", "last_second_factor"}),
	EventFactorRemoved:     all(plain, byAdmin),
	EventRecoveryCodesMade: plain,
	EventRecoveryCodeUsed:  plain,

	EventCodeSent:         {"", "confirmation"},
	EventCodeNotSent:      {"send_failed", "notice_not_sent", "notice_throttled"},
	EventRescueAsked:      {"help", "email", "recovery_code"},
	EventRecoveryLinkMade: plain,
	EventRecoveryLinkUsed: plain,

	EventThrottled:    {"throttled", "step_closed"},
	EventStepClosed:   {"too_many_failures"},
	EventStepReopened: {"mailed_link", "operator", "admin"},
}

// all joins lists, each word once.
func all(lists ...[]string) []string {
	var out []string
	for _, l := range lists {
		for _, r := range l {
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}
